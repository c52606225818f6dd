"""Accelerators, the machines that carry them and the images of their nodes, cloud-neutral: tables, and what follows.

Belongs here: facts about devices, machine types and node images; what a pool's accelerators mean for its nodes and
pods (`contract.py`), and why they cannot be. Does not: how a cloud makes a node pool (`cluster/<cloud>`), the values of
charts (`platform`), what a workload asks for (`workspace`).
"""
