"""What runs a local cluster. Plain Python, no Pulumi: an engine makes, restarts and removes a cluster in a folder.

`base.py` is what an engine must offer, `kind.py`, `host/` and `kwok.py` are the engines, `control_plane.py` is what the
last two share, `choice.py` chooses between them.
"""
