"""Tests of the simulated Azure (tools/offline/azure)."""
