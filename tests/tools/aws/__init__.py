"""Tests of the simulated AWS (tools/offline/aws)."""
