"""Clusters: where everything runs.

`spec.py` what a user writes, `base.py` the seam that all clusters share (the `Cluster` protocol and its traits),
`pools.py` what follows from a pool's spec, and a folder for each kind of cluster. Only `cluster/<cloud>/` may import
that cloud's SDK. Nothing above this room asks which kind of cluster it has; it asks the traits.
"""
