"""Google's own rules, type by type: what it refuses, what it adds, and what happens meanwhile."""

from importlib import import_module

_MODULES = ("projects", "network", "identity", "storage", "clusters", "node_pools", "node_pool_parts", "node_configs")


def load() -> None:
    """Imports every module of rules; each writes its own into the registry."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
