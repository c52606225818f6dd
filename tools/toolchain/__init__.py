"""
The programs that a stack and its tests need on this machine: found, or built from pinned and verified sources.

Belongs here: detection, builds, the user's cache folder, virtual environments, environment variables. Runs on a bare
Python 3.11, before any package is installed, and so imports the standard library only.
"""
