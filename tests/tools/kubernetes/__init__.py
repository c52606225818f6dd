"""Tests of the kubernetes provider stand-in: its parts, its protocol with a real API server, and the engine's view."""
