"""What an operator is, as plain values: its chart, its kinds and where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from modelyard.versions import Chart

PodSecurity = Literal["restricted", "baseline", "privileged"]
"""A level of the Pod Security Standards: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One custom kind.

    Attributes:
        version: the version that custom objects are written in.
        plural: the kind in URLs: `servicemonitors`.
        has_status: whether something writes the status of its objects, where the kind alone is registered.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    has_status: bool = False

    @property
    def crd_name(self) -> str:
        """The name of its CustomResourceDefinition."""
        return f"{self.plural}.{self.group}"

    @property
    def api_version(self) -> str:
        """`apiVersion` of its objects."""
        return f"{self.group}/{self.version}"


@dataclass(frozen=True, kw_only=True)
class OperatorDefinition:
    """An operator that modelyard can install.

    Attributes:
        name: of its Helm release, and of its namespace.
        chart: what installs it.
        crds_chart: what installs its kinds, where `chart` leaves that to another. A chart with its kinds in `crds/`
        never
            upgrades nor removes them, so such a chart is split where its publisher offers it.
        kinds: the kinds that objects outside the chart are written in.
        pod_security: what its own namespace enforces.
        further_namespaces: namespaces for parts of it that need more rights, with what each enforces.
        has_critical_pods: whether to let its pods have the priority of the system's own, where only `kube-system` may.
        timeout_seconds: how long an install, upgrade or uninstall may take.
    """

    name: str
    chart: Chart
    crds_chart: Chart | None = None
    kinds: tuple[Kind, ...]
    pod_security: PodSecurity = "restricted"
    further_namespaces: Mapping[str, PodSecurity]
    has_critical_pods: bool = False
    timeout_seconds: int = 900
    """A node that the autoscaler has to add (5 minutes), images on a cold node and volumes come before readiness."""
