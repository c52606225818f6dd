"""What all simulated clouds are made of: an account in a folder, the provider's requests on it, and its nodes.

A cloud (`tools/offline/aws`, `tools/offline/gcp`, …) brings a `Cloud` (`cloud.py`: its name, its error wording, its
types, its nodes), a table of types (`kinds.py`), the rules of single types (`registry.py`), and a check against its
API model. Everything else is here: `check.py`, `diff.py` and `lifecycle.py` answer the engine, `world.py` keeps what
exists, `schema.py` reads the SDK's argument types, `node_groups.py` and `autoscaler.py` make nodes on the API server
behind the simulated clusters.
"""
