"""Azure's own rules, type by type: what it refuses, what it adds, and what happens meanwhile."""

from importlib import import_module

_MODULES = (
    "everything",
    "network",
    "identity",
    "storage",
    "clusters",
    "cluster_networks",
    "cluster_permissions",
    "pool_parts",
    "agent_pools",
    "maintenance",
)


def load() -> None:
    """Imports every module of rules; each writes its own into the registry."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
