"""AKS: a cluster in an Azure subscription, from its network to its nodes.

Belongs here: everything that knows Azure. `spec.py` and `networks.py` what a user writes, with its words and facts
(`words.py`, `locations.py`); `network.py` to `load_balancers.py` what a cluster is made of; and the pools, which are
made on the `Foundation`. Does not: what runs on the cluster. Only this folder imports pulumi_azure_native, and only the
stack that asks for AKS imports those parts of it that do.
"""
