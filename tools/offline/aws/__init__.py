"""A simulated AWS in the place of Pulumi's `aws` provider plugin, for tests of EKS stacks without an account.

It speaks the engine's provider protocol and keeps an account of its own in a folder (`world.py`). It knows exactly the
resource types that the library registers (`table.py`), and refuses what the SDK, AWS's API models and AWS's rules do.
"""
