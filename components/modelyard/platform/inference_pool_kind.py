"""InferencePool as it is registered on clusters that do not have it. No Pulumi package.

Of the group's own definition, https://github.com/kubernetes-sigs/gateway-api-inference-extension/blob/v1.6.0/api/v1/
inferencepool_types.go, it has all fields of the spec with their defaults and limits; its status takes anything.
"""

from typing import Any

from modelyard.operators.crds import Crd
from modelyard.platform.gateway_kinds import INFERENCE_POOL

_APPROVED = "https://github.com/kubernetes-sigs/gateway-api-inference-extension/pull/1173"
"""Where the group's maintainers have approved the kind, which the API server wants to know of groups of Kubernetes.
https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/2337-k8s.io-group-protection"""
_NAME = {"type": "string", "minLength": 1, "maxLength": 253}
_LABEL_VALUE = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
_GROUP = r"^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_KIND = "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"


def inference_pool_crd() -> Crd:
    """The kind with its schema."""
    spec = _object(
        required=["selector", "targetPorts"],
        selector=_object(
            required=["matchLabels"],
            matchLabels={
                "type": "object",
                "minProperties": 1,
                "maxProperties": 64,
                "additionalProperties": {"type": "string", "maxLength": 63, "pattern": _LABEL_VALUE},
            },
        ),
        targetPorts={
            "type": "array",
            "minItems": 1,
            "maxItems": 8,
            "items": _port(),
            "x-kubernetes-list-type": "atomic",
            "x-kubernetes-validations": [
                {
                    "rule": "self.all(p1, self.exists_one(p2, p1.number == p2.number))",
                    "message": "port number must be unique",
                }
            ],
        },
        appProtocol={"type": "string", "enum": ["http", "kubernetes.io/h2c"], "default": "http"},
        endpointPickerRef=_picker(),
    )
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = _object(
        required=["spec"],
        apiVersion={"type": "string"},
        kind={"type": "string"},
        metadata={"type": "object"},
        spec=spec,
        status=anything,
    )
    version: dict[str, Any] = {
        "name": INFERENCE_POOL.version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "metadata": {"name": INFERENCE_POOL.crd_name, "annotations": {"api-approved.kubernetes.io": _APPROVED}},
        "spec": {
            "group": INFERENCE_POOL.group,
            "scope": "Namespaced",
            "names": {
                "kind": INFERENCE_POOL.kind,
                "listKind": f"{INFERENCE_POOL.kind}List",
                "plural": INFERENCE_POOL.plural,
                "singular": INFERENCE_POOL.kind.lower(),
                "shortNames": ["infpool"],
            },
            "versions": [version],
        },
    }


def _picker() -> dict[str, Any]:
    fields = _object(
        required=["name"],
        group={"type": "string", "maxLength": 253, "pattern": _GROUP, "default": ""},
        kind={"type": "string", "minLength": 1, "maxLength": 63, "pattern": _KIND, "default": "Service"},
        name=_NAME,
        port=_port(),
        failureMode={"type": "string", "enum": ["FailOpen", "FailClose"], "default": "FailClose"},
    )
    rule = "self.kind != 'Service' || has(self.port)"
    return {**fields, "x-kubernetes-validations": [{"rule": rule, "message": "port is required for a Service"}]}


def _port() -> dict[str, Any]:
    return _object(required=["number"], number={"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535})


def _object(*, required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}
