"""A simulated Google Cloud in the place of Pulumi's `gcp` provider plugin, for tests of GKE stacks without a project.

It is built on `tools/offline/cloud`, knows exactly the resource types that the library registers (`table.py`), and
refuses what the SDK, Google's API models and Google's rules do.
"""
