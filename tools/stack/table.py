"""What runs where: every pod of a cluster, with its node and that node's pool."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

import yaml
from kubernetes.client import CoreV1Api
from kubernetes.config import new_client_from_config_dict

from modelyard.cluster.local.engines.base import FAKE_NODE, FAKE_NODE_ANNOTATION
from modelyard.cluster.pools import POOL_LABEL
from modelyard.kube.labels import INSTANCE

_REQUEST_SECONDS = 20


@dataclass(frozen=True, kw_only=True, order=True)
class Row:
    """One pod."""

    namespace: str
    workload: str
    pod: str
    phase: str
    node: str
    pool: str
    runs: str
    """`real` where containers run, `simulated` where the node is."""


def rows(kubeconfig: str) -> list[Row]:
    """Return a row for every pod of the cluster."""
    with new_client_from_config_dict(yaml.safe_load(kubeconfig)) as api:
        core = CoreV1Api(api)
        nodes = {node.metadata.name: node for node in core.list_node(_request_timeout=_REQUEST_SECONDS).items}
        pods = core.list_pod_for_all_namespaces(_request_timeout=_REQUEST_SECONDS).items
        return sorted(_row(pod, nodes) for pod in pods)


def _row(pod: Any, nodes: Mapping[str, Any]) -> Row:
    node = nodes.get(pod.spec.node_name)
    simulated = node is not None and (node.metadata.annotations or {}).get(FAKE_NODE_ANNOTATION) == FAKE_NODE
    return Row(
        namespace=pod.metadata.namespace,
        workload=_workload(pod.metadata),
        pod=pod.metadata.name,
        phase=_phase(pod.status),
        node=pod.spec.node_name or "-",
        pool=((node.metadata.labels or {}).get(POOL_LABEL) if node else None) or "-",
        runs="-" if node is None else "simulated" if simulated else "real",
    )


def _workload(metadata: Any) -> str:
    owner = next(iter(metadata.owner_references or []), None)
    return (metadata.labels or {}).get(INSTANCE) or (owner.name if owner else metadata.name)


def _phase(status: Any) -> str:
    """Return the phase in kubectl's words, and why a pod waits for a node."""
    if status.phase == "Succeeded":
        return "Completed"
    waiting = [
        each.message for each in status.conditions or [] if each.type == "PodScheduled" and each.status != "True"
    ]
    if status.phase == "Pending" and waiting and waiting[0]:
        return f"Pending ({waiting[0].split(':')[0]})"
    return str(status.phase)


def text(table: Sequence[Row]) -> str:
    """Return the rows as aligned columns below their headings."""
    return align([[field.name.upper() for field in fields(Row)], *(list(astuple(row)) for row in table)])


def align(lines: Iterable[Sequence[str]]) -> str:
    """Return lines of cells as columns."""
    cells = [list(line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)
