"""A simulated Azure in the place of Pulumi's `azure-native` provider plugin, for tests of AKS stacks.

It is built on `tools/offline/cloud`, and knows exactly the resource types that the library registers (`table.py`). It
refuses what the SDK, the API model of AKS and Azure's own rules do.
"""
