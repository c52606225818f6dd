"""What GKE's CustomResourceDefinition of ComputeClass has of the fields that pools use, made strict.

https://cloud.google.com/kubernetes-engine/docs/reference/crds/computeclass and, as registered by GKE,
https://github.com/datreeio/CRDs-catalog/blob/main/cloud.google.com/computeclass_v1.json. A field that is not here is
an error, also where the definition has it: what is used is added after a look at its type.
"""

from collections.abc import Sequence
from typing import Any

from jsonschema import Draft202012Validator

_TEXT: dict[str, Any] = {"type": "string"}
_FLAG: dict[str, Any] = {"type": "boolean"}
_TEXTS: dict[str, Any] = {"type": "array", "minItems": 1, "items": _TEXT}


def _record(required: Sequence[str] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _list(item: dict[str, Any], **rest: int) -> dict[str, Any]:
    return {"type": "array", "items": item, **rest}


def _words(*words: str) -> dict[str, Any]:
    return {"enum": list(words)}


def _count(least: int, most: int | None = None) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, **({} if most is None else {"maximum": most})}


_TAINT = _record(
    ["effect", "key"],
    effect=_words("NoSchedule", "PreferNoSchedule", "NoExecute"),
    key={"type": "string", "maxLength": 320, "not": {"pattern": r"kubernetes\.io"}},
    value={"type": "string", "pattern": "^([a-z0-9][-A-Za-z0-9_.]{1,61})?[A-Za-z0-9]$"},
)
_RESERVATION = _record(
    ["name"], name=_TEXT, project=_TEXT, zones=_TEXTS, reservationBlock=_record(["name"], name=_TEXT)
)
_PRIORITY = _record(
    machineType={"type": "string", "maxLength": 100},
    spot=_FLAG,
    flexStart=_record(["enabled"], enabled=_FLAG),
    location=_record(zones=_TEXTS),
    reservations=_record(
        ["affinity"], affinity=_words("Specific", "AnyBestEffort", "None"), specific=_list(_RESERVATION)
    ),
    gpu=_record(type=_TEXT, count=_count(0), driverVersion=_words("default", "latest")),
    tpu=_record(type=_TEXT, count={"type": "integer"}, topology=_TEXT),
    storage=_record(
        bootDiskType=_words("pd-balanced", "pd-standard", "pd-ssd", "hyperdisk-balanced"),
        bootDiskSize=_count(10),
        bootDiskKMSKey={"type": "string", "pattern": "projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+"},
        localSSDCount=_count(1),
        secondaryBootDisks=_list(
            _record(["diskImageName"], diskImageName=_TEXT, project=_TEXT, mode=_words("CONTAINER_IMAGE_CACHE"))
        ),
    ),
)
# https://github.com/google/skills/tree/main/skills/cloud/gke-compute-classes: zones of a reservation stand with it.
_PRIORITY["not"] = {"required": ["location", "reservations"]}
_SPEC = _record(
    ["whenUnsatisfiable"],
    nodePoolAutoCreation=_record(["enabled"], enabled=_FLAG),
    nodePoolConfig=_record(
        imageType=_words("cos_containerd", "ubuntu_containerd"),
        ipType=_words("public", "private"),
        serviceAccount=_TEXT,
        autoRepair=_FLAG,
        autoUpgrade=_FLAG,
        imageStreaming=_record(["enabled"], enabled=_FLAG),
        nodeLabels={"type": "object", "additionalProperties": _TEXT},
        taints=_list(_TAINT, maxItems=100),
    ),
    priorities=_list(_PRIORITY, maxItems=1000),
    autoscalingPolicy=_record(consolidationDelayMinutes=_count(1, 1440)),
    whenUnsatisfiable=_words("ScaleUpAnyway", "DoNotScaleUp"),
)
_VALIDATOR = Draft202012Validator(_SPEC)


def compute_class_problems(spec: object) -> list[str]:
    """What the definition has against a `spec`."""
    return [error.message for error in _VALIDATOR.iter_errors(spec)]  # pyright: ignore[reportUnknownMemberType, reportArgumentType]
