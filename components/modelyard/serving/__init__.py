"""Model serving: a model behind an HTTP endpoint in a workspace.

`spec.py` is what a user writes, `model_service.py` the component; `runtimes/` has a file for each server,
`containers.py` makes containers of them and `autoscaling.py` says how replicas follow the load. Routes and releases
belong here too; jobs do not.
"""
