"""What runs a local cluster. Plain Python, no Pulumi: an engine makes, restarts and removes a cluster in a folder.

`base.py` is what an engine must offer, `kwok.py` and `kind.py` are the engines, `choice.py` chooses between them.
"""
