"""Model serving: a model behind an HTTP endpoint in a workspace.

`spec.py` is what a user writes, `model_service.py` the component; `runtimes.py` says what each runtime's container
needs and `autoscaling.py` how replicas follow the load. Routes and releases belong here too; jobs do not.
"""
