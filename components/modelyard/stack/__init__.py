"""The composition: one typed stack of cluster, platform, observability and workspaces, and nothing else.

`spec.py` what a user writes, `file.py` and `config.py` how it is read (from a file, and by the Pulumi program),
`ml_stack.py` the component that makes it all, `outputs.py` what other stacks can use of it.
"""
