"""The objects that the node's parts need on the cluster: their rights, their Services and the default StorageClass."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelyard.cluster.local.engines.base import KUBECONFIG, STORAGE_CLASS
from modelyard.cluster.local.engines.host.commands import run
from modelyard.cluster.local.engines.host.machine import Machine

SYSTEM_NAMESPACE = "kube-system"
PROVISIONER_ACCOUNT = "local-path-provisioner"
PROVISIONER = "rancher.io/local-path"
DNS_USER, METRICS_USER, PROVISIONER_USER = (
    f"modelyard:{name}" for name in ("coredns", "metrics-server", "local-path-provisioner")
)
_RBAC = "rbac.authorization.k8s.io"
_READ = ("get", "list", "watch")

Document = Mapping[str, Any]


def apply(machine: Machine) -> None:
    """Have all of them on the cluster as they are here."""
    documents = [*_dns(machine), *_metrics(machine), *_volumes()]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
    access = ("--kubeconfig", str(machine.folder / KUBECONFIG), "--cache-dir", str(machine.node_folder / "kubectl"))
    run("kubectl", *access, "apply", "--server-side", "--force-conflicts", "-f", "-", text=text)


def _dns(machine: Machine) -> list[Document]:
    port = machine.record.ports["coredns"]
    rules = [
        _rule("", ["services", "pods", "namespaces"], ["list", "watch"]),
        _rule("discovery.k8s.io", ["endpointslices"], ["list", "watch"]),
    ]
    ports = [("dns", "UDP", 53, port), ("dns-tcp", "TCP", 53, port)]
    return [*_granted(DNS_USER, rules), *_service(machine, "kube-dns", ports, machine.addresses.dns)]


def _metrics(machine: Machine) -> list[Document]:
    rules = [
        _rule("", ["nodes/metrics"], ["get"]),
        _rule("", ["pods", "nodes"], _READ),
    ]
    ports = [("https", "TCP", 443, machine.record.ports["metrics-server"])]
    registration = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "service": {"name": "metrics-server", "namespace": SYSTEM_NAMESPACE},
            "caBundle": base64.b64encode((machine.certificates / "ca.crt").read_bytes()).decode(),
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }
    return [
        *_granted(METRICS_USER, rules),
        _binding(METRICS_USER, "ClusterRole", "system:auth-delegator", suffix="delegator"),
        _binding(METRICS_USER, "Role", "extension-apiserver-authentication-reader", namespace=SYSTEM_NAMESPACE),
        *_service(machine, "metrics-server", ports),
        registration,
    ]


def _volumes() -> list[Document]:
    rules = [
        _rule("", ["nodes", "persistentvolumeclaims", "configmaps", "pods", "pods/log"], _READ),
        _rule("", ["persistentvolumes"], [*_READ, "create", "patch", "update", "delete"]),
        _rule("", ["events"], ["create", "patch"]),
        _rule("storage.k8s.io", ["storageclasses"], _READ),
    ]
    helpers = [_rule("", ["pods"], ["create", "delete"])]
    metadata = {"name": PROVISIONER_USER, "namespace": SYSTEM_NAMESPACE}
    return [
        *_granted(PROVISIONER_USER, rules),
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": helpers},
        _binding(PROVISIONER_USER, "Role", PROVISIONER_USER, namespace=SYSTEM_NAMESPACE),
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": PROVISIONER_ACCOUNT, "namespace": SYSTEM_NAMESPACE},
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": STORAGE_CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": PROVISIONER,
            "reclaimPolicy": "Delete",
            # There is one place for volumes, so that nothing is to be learned from the first pod that uses one.
            "volumeBindingMode": "Immediate",
        },
    ]


def _service(
    machine: Machine, name: str, ports: Iterable[tuple[str, str, int, int]], address: str | None = None
) -> list[Document]:
    """A Service for a process of this machine: without a selector, its endpoint is written here."""
    ports = list(ports)
    metadata = {"name": name, "namespace": SYSTEM_NAMESPACE}
    given = [{"name": each, "protocol": protocol, "port": port} for each, protocol, port, _ in ports]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**metadata, "labels": {"k8s-app": name}},
        "spec": {"ports": given, **({"clusterIP": address} if address else {})},
    }
    slice_ = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [machine.addresses.node], "conditions": {"ready": True}}],
        "ports": [{"name": each, "protocol": protocol, "port": target} for each, protocol, _, target in ports],
    }
    return [service, slice_]


def _granted(user: str, rules: Sequence[Document]) -> list[Document]:
    role = {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": user}, "rules": list(rules)}
    return [role, _binding(user, "ClusterRole", user)]


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> Document:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _binding(user: str, kind: str, role: str, *, namespace: str | None = None, suffix: str = "") -> Document:
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": ":".join(part for part in (user, suffix) if part), **place},
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": role},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": user}],
    }
