"""Workspaces: a team's namespace with its rules, and what every workload in one has in common.

`spec.py` is what a user writes of a workspace and `workload_spec.py` what all workloads share; `workspace.py` is the
component, with the objects it is made of beside it; `pods.py` leads from a workload's spec to its pods. What runs in a
workspace stands in `serving` and `batch`.
"""
