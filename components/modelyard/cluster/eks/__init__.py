"""EKS: a cluster in an AWS account, from its network to its nodes.

Belongs here: everything that knows AWS. `spec.py` what a user writes, with its words and facts (`words.py`, `zones.py`,
`networks.py`); `network.py` to `load_balancers.py` what a cluster is made of; and the pools, which are made on the
`Foundation`. Does not: what runs on the cluster. Only this folder imports pulumi_aws, and only the stack that asks for
EKS imports those parts of it that do.
"""
