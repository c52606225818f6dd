"""A program without the library that registers what a stack registers: what a person would write who knew all of it.

It is made from what the stack registers (under mocks), so that it cannot fall behind. Each resource stands in it with
plain literals, its parent and what it depends on. Only the cluster of this machine is the library's own resource, as
there is no other that makes one.
"""

import pprint
import re
from collections.abc import Iterator, Sequence
from typing import Any

from tests.support.mocks import Recorded, Registration

_HEAD = """\
import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.local.dynamic import LocalClusterResource, LocalNodesResource
from modelyard.cluster.local.nodes import PoolNodes

"""
_PACKAGES = {
    "apps/v1": "apps.v1",
    "autoscaling/v2": "autoscaling.v2",
    "batch/v1": "batch.v1",
    "core/v1": "core.v1",
    "networking.k8s.io/v1": "networking.v1",
    "policy/v1": "policy.v1",
    "rbac.authorization.k8s.io/v1": "rbac.v1",
}


def hand_written(recorded: Recorded) -> str:
    """The source of the program that registers these resources."""
    names = {each.urn: f"r{index}" for index, each in enumerate(recorded.registrations)}
    lines = (line for each in recorded.registrations for line in _statement(each, names, recorded))
    return _HEAD + "\n".join(lines) + "\n"


def _statement(each: Registration, names: dict[str, str], recorded: Recorded) -> Iterator[str]:
    """The lines that make one resource."""
    name, options = names[each.urn], _options(each, names)
    inputs: dict[str, Any] = _whole(each.inputs)
    if each.type.startswith("modelyard:"):
        yield f"{name} = pulumi.ComponentResource({each.type!r}, {each.name!r}, {inputs!r}, {options})"
        yield f"{name}.register_outputs({{}})"
        return
    if each.type == "pulumi:providers:kubernetes":
        (cluster,) = (names[one.urn] for one in recorded.of("LocalCluster") if "dynamic" in one.type)
        identity = f"cluster_identifier={inputs['clusterIdentifier']!r}, delete_unreachable=True"
        made = f"k8s.Provider({each.name!r}, kubeconfig={cluster}.kubeconfig, {identity}"
    elif each.type.endswith("dynamic/modelyard:LocalCluster"):
        version = f"kubernetes_version={inputs['kubernetes_version']!r}"
        identity = f"cluster={inputs['name']!r}, engine={inputs['engine']!r}, {version}"
        made = f"LocalClusterResource({each.name!r}, {identity}"
    elif each.type.endswith("dynamic/modelyard:LocalNodes"):
        pool = {key: value for key, value in inputs.items() if key not in ("__provider", "cluster")}
        made = f"LocalNodesResource({each.name!r}, cluster={inputs['cluster']!r}, pool=PoolNodes.from_inputs({pool!r})"
    else:
        made = _object(each, inputs, names, recorded)
    yield f"{name} = {made}, opts={options})"


def _object(each: Registration, inputs: dict[str, Any], names: dict[str, str], recorded: Recorded) -> str:
    """The call that makes a Kubernetes object, without its options and its end."""
    _, group, kind = each.type.split(":")
    if group in _PACKAGES:
        fields = {_snake(key): value for key, value in inputs.items() if key not in ("apiVersion", "kind")}
        call = f"k8s.{_PACKAGES[group]}.{kind}({each.name!r}"
    else:
        fields = {_snake(key): value for key, value in inputs.items()}
        call = f"k8s.apiextensions.CustomResource({each.name!r}"
    written = "".join(f", {key}={pprint.pformat(value, sort_dicts=False)}" for key, value in fields.items())
    # What stands in a namespace refers to it, as its existence must come first.
    for namespace in recorded.of("Namespace"):
        made = namespace.inputs["metadata"]["name"]
        written = written.replace(f"'namespace': {made!r}", f"'namespace': {names[namespace.urn]}.metadata['name']")
    return call + written


def _options(each: Registration, names: dict[str, str]) -> str:
    """The resource's options."""
    parts: list[str] = []
    if each.parent in names:
        parts.append(f"parent={names[each.parent]}")
    provider = each.provider.rsplit("::", 1)[0]
    if provider in names:
        parts.append(f"provider={names[provider]}")
    before = [names[urn] for urn in sorted(each.depends_on, key=list(names).index) if urn in names]
    if before:
        parts.append(f"depends_on=[{', '.join(before)}]")
    if each.timeouts:
        timeouts = ", ".join(f"{key}={value!r}" for key, value in each.timeouts.items())
        parts.append(f"custom_timeouts=pulumi.CustomTimeouts({timeouts})")
    return f"pulumi.ResourceOptions({', '.join(parts)})"


def _whole(value: Any) -> Any:
    """The value with whole numbers as such: the engine gets every number as a float."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in _items(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_whole(each) for each in _elements(value)]
    return value


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    yield from value.items()


def _elements(value: Any) -> Iterator[Any]:
    yield from value


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", key).lower()
