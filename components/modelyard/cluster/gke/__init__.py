"""GKE: a cluster in a project of Google Cloud, from its network to its nodes.

Belongs here: everything that knows Google Cloud. `spec.py` what a user writes, with its words and facts (`words.py`,
`zones.py`, `networks.py`); `apis.py` to `load_balancers.py` what a cluster is made of; and the pools, which are made on
the `Foundation`. Does not: what runs on the cluster. Only this folder imports pulumi_gcp, and only the stack that asks
for GKE imports those parts of it that do.
"""
