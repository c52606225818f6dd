"""Accelerators and the machines that carry them, cloud-neutral: tables and what follows from them.

Belongs here: facts about devices and machine types. Does not: how a cloud makes a node pool (`cluster/<cloud>`), what a
workload asks for (`workspace`).
"""
