"""Helpers that several test rooms share: the engine harness, a real API server, the shared data folder."""
