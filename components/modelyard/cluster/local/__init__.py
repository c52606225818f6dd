"""A cluster on this machine, made, healed and removed with the stack.

`cluster.py` is the component, `dynamic.py` the resources behind it, `lifecycle.py` what happens to a cluster,
`engines/` what runs one, `nodes.py` the nodes of its pools, and the rest what these share. Everything of a cluster is
below `${XDG_STATE_HOME:-~/.local/state}/modelyard/local/<name>`. Nothing here is used by other kinds of cluster.
"""
