"""What runs where: every pod of a cluster, with its node and that node's pool."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

from modelyard.cluster.local.engines.base import FAKE_NODE, FAKE_NODE_ANNOTATION
from modelyard.cluster.local.nodes import SHARED_NODE_LABEL
from modelyard.cluster.pools import POOL_LABEL
from modelyard.kube.labels import INSTANCE
from tools.stack.api import connected

REAL, SIMULATED = "real", "simulated"
"""Whether containers run on a pod's node."""
_NONE = "-"
_SHARED = f"{SHARED_NODE_LABEL}/"
Json = Mapping[str, Any]


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
    """REAL or SIMULATED."""


def rows(kubeconfig: str) -> list[Row]:
    """Return a row for every pod of the cluster."""
    with connected(kubeconfig) as api:
        nodes = {node["metadata"]["name"]: node["metadata"] for node in api.all("nodes")}
        return sorted(row(pod, nodes) for pod in api.all("pods"))


def row(pod: Json, nodes: Mapping[str, Json]) -> Row:
    """Return the row of a pod; `nodes` has the metadata of each node."""
    metadata: Json = pod["metadata"]
    node = nodes.get(pod["spec"].get("nodeName", ""))
    return Row(
        namespace=metadata["namespace"],
        workload=_workload(metadata),
        pod=metadata["name"],
        phase=_phase(pod["status"]),
        node=node["name"] if node else _NONE,
        pool=_pool(pod, node),
        runs=_runs(node),
    )


def _mapping(metadata: Json | None, key: str) -> Mapping[str, str]:
    return (metadata or {}).get(key) or {}


def _pool(pod: Json, node: Json | None) -> str:
    """Return the node's pool, or where several pools share a node the one that the pod asks for."""
    asked = [key.removeprefix(_SHARED) for key in pod["spec"].get("nodeSelector", {}) if key.startswith(_SHARED)]
    return asked[0] if asked else _mapping(node, "labels").get(POOL_LABEL, _NONE)


def _runs(node: Json | None) -> str:
    if node is None:
        return _NONE
    return SIMULATED if _mapping(node, "annotations").get(FAKE_NODE_ANNOTATION) == FAKE_NODE else REAL


def _workload(metadata: Json) -> str:
    owners: Sequence[Json] = metadata.get("ownerReferences") or []
    owner: str = owners[0]["name"] if owners else metadata["name"]
    return _mapping(metadata, "labels").get(INSTANCE, owner)


def _phase(status: Json) -> str:
    """Return the phase in kubectl's words, and why a pod waits for a node."""
    if status["phase"] == "Succeeded":
        return "Completed"
    conditions: Sequence[Mapping[str, str]] = status.get("conditions") or []
    reasons = [each.get("message", "") for each in conditions if each["type"] == "PodScheduled"]
    if status["phase"] == "Pending" and any(reasons):
        return f"Pending ({reasons[0].split(':')[0]})"
    return status["phase"]


def summary(table: Sequence[Row]) -> str:
    """Return in words how many of the pods are real, and what that means."""
    real = [row for row in table if row.runs == REAL]
    simulated = [row for row in table if row.runs == SIMULATED]
    lines: list[str] = []
    if real:
        lines.append(f"{len(real)} pods are real: their containers run on {_listed(row.node for row in real)}")
    if simulated:
        pools = _listed(row.pool for row in simulated)
        lines.append(
            f"{len(simulated)} pods are simulated, of the pools {pools}: the scheduler has placed them on nodes that "
            "this machine does not have, and no container runs"
        )
    return "\n".join(lines)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names)))


def text(table: Sequence[Row]) -> str:
    """Return the rows as aligned columns below their headings."""
    return align([[field.name.upper() for field in fields(Row)], *(list(astuple(row)) for row in table)])


def align(lines: Iterable[Sequence[str]]) -> str:
    """Return lines of cells as columns."""
    cells = [list(line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)
