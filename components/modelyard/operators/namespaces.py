"""The namespaces that are the platform's own: no workspace has their names, and network policies name them."""

MONITORING = "monitoring"
"""Where Prometheus runs, from where it reads the pods of every workspace."""
MONITORING_NODES = "monitoring-nodes"
"""Where node-exporter runs: it reads the node's own files, which only pod security `privileged` lets it."""

PLATFORM_NAMESPACES = (MONITORING, MONITORING_NODES)
"""All of them."""
