"""AWS's own rules, type by type: what it refuses, what it adds, and what happens meanwhile."""

from importlib import import_module

_MODULES = (
    "network",
    "security",
    "identity",
    "policies",
    "storage",
    "clusters",
    "cluster_parts",
    "node_groups",
    "launch_templates",
)


def load() -> None:
    """Imports every module of rules; each writes its own into the registry."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
