"""Kubernetes itself: names, labels, selectors, quantities, probes and hardened pods, from plain values.

What belongs here knows Kubernetes and nothing of modelyard's features: no spec, no pool, no cluster. `names.py` and
`quantities.py` import no Pulumi package, so that specs can use them.
"""
