"""Operators: a pinned Helm chart with the kinds that it brings, on any cluster.

Belongs here: how an operator is described, installed, and stood in for where no charts are installed. Does not: which
operators there are and what each is set up to do; that stands in the room that needs one (`cluster/eks`, `platform`,
`observability`). Only `operator.py` imports Pulumi packages.
"""
