"""Resources that several tests use, as a program gives them."""

from typing import Any

Json = dict[str, Any]

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
CRD = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
DAEMON_SET = "kubernetes:apps/v1:DaemonSet"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
DEPLOYMENT_PATCH = "kubernetes:apps/v1:DeploymentPatch"
JOB = "kubernetes:batch/v1:Job"
NAMESPACE = "kubernetes:core/v1:Namespace"
POD = "kubernetes:core/v1:Pod"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
QUOTA = "kubernetes:core/v1:ResourceQuota"
RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "kubernetes:core/v1:Secret"
SERVICE = "kubernetes:core/v1:Service"
STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"

LABELS = {"app": "web"}


def config_map(data: dict[str, Any] | None = None, **metadata: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"key": "value"} if data is None else data,
    }


def annotated(obj: Json, **annotations: str) -> Json:
    """`obj` with annotations of pulumi.com, named by their last part."""
    marks = {f"pulumi.com/{key}": value for key, value in annotations.items()}
    metadata = obj.get("metadata", {})
    return {**obj, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **marks}}}


def pod_template(image: str = "example.test/web:1", **spec: Any) -> Json:
    return {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "web", "image": image}], **spec}}


def deployment(image: str = "example.test/web:1", replicas: int | None = 1, **pod_spec: Any) -> Json:
    spec: Json = {"selector": {"matchLabels": LABELS}, "template": pod_template(image, **pod_spec)}
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": spec}


def job(**pod_metadata: Any) -> Json:
    template = pod_template(restartPolicy="Never")
    template["metadata"] = {"labels": LABELS, **pod_metadata}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {},
        "spec": {"backoffLimit": 0, "template": template},
    }


def service(**spec: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {},
        "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": 8080}], **spec},
    }


UNSCHEDULABLE: Json = {"nodeSelector": {"nowhere": "true"}}
"""A Pod spec that no node can take."""


def widget_crd(group: str, *, scope: str = "Namespaced", kind: str = "Widget") -> Json:
    """A custom kind with one field that may change and one that may not."""
    singular = kind.lower()
    immutable = [{"rule": "self == oldSelf", "message": "size is immutable"}]
    schema: Json = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "colour": {"type": "string"},
                    "size": {"type": "integer", "x-kubernetes-validations": immutable},
                },
            },
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{singular}s.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": f"{singular}s", "singular": singular, "listKind": f"{kind}List"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def widget(group: str, **spec: Any) -> Json:
    return {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {}, "spec": spec}


QUANTITIES: list[tuple[str | float, str]] = [
    ("0.5", "500m"),
    ("1000m", "1"),
    ("1", "1"),
    (2, "2"),
    (0.1, "100m"),
    ("1000", "1k"),
    ("1500", "1500"),
    ("100000", "100k"),
    ("1024Mi", "1Gi"),
    ("1.5Gi", "1536Mi"),
    ("512Mi", "512Mi"),
    ("1023", "1023"),
    ("1Ki", "1Ki"),
    ("0.5Ki", "512"),
    ("0", "0"),
    ("0Mi", "0"),
    ("1e3", "1e3"),
    ("12e2", "1200"),
    ("129M", "129M"),
]
"""Quantities as programs write them, and as the API server gives them back."""
