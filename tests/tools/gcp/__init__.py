"""Tests of the simulated Google Cloud (tools/offline/gcp)."""
