"""Engine host: a real node on this machine beside simulated ones, without Docker.

`engine.py` is the engine, `preflight.py` what the machine must offer, `machine.py` what is fixed about it, and each of
the other files one part of the node. `cleanup.py` removes all of it.
"""
