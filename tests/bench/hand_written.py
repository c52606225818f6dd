"""A program without the library that registers what a stack registers: what a person would write who knew all of it.

It is made from what the stack registers (under mocks), so that it cannot fall behind. Each resource stands in it with
plain literals, what it takes from others, its parent and what it depends on. Only the cluster of this machine is the
library's own resource, as there is no other that makes one.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from tests.bench.references import References
from tests.support.mocks import Recorded, Registration

_IMPORTS = {
    "aws:": "import pulumi_aws as aws",
    "kubernetes:": "import pulumi_kubernetes as k8s",
    "pulumi-python:": (
        "from modelyard.cluster.local.dynamic import LocalClusterResource, LocalNodesResource\n"
        "from modelyard.cluster.local.nodes import PoolNodes"
    ),
}
_PACKAGES = {
    "apps/v1": "apps.v1",
    "autoscaling/v2": "autoscaling.v2",
    "batch/v1": "batch.v1",
    "core/v1": "core.v1",
    "helm.sh/v3": "helm.v3",
    "networking.k8s.io/v1": "networking.v1",
    "policy/v1": "policy.v1",
    "rbac.authorization.k8s.io/v1": "rbac.v1",
    "storage.k8s.io/v1": "storage.v1",
}


def hand_written(recorded: Recorded) -> str:
    """The source of the program that registers these resources."""
    names = {each.urn: f"r{index}" for index, each in enumerate(recorded.registrations)}
    types = {each.type for each in recorded.registrations}
    imports = [line for prefix, line in _IMPORTS.items() if any(each.startswith(prefix) for each in types)]
    lines = (line for each in recorded.registrations for line in _statement(each, names, recorded))
    return "\n".join(["import pulumi", *imports, "", *lines, ""])


def _statement(each: Registration, names: dict[str, str], recorded: Recorded) -> Iterator[str]:
    """The lines that make one resource."""
    name = names[each.urn]
    inputs: dict[str, Any] = _whole(each.inputs)
    references = References({names[one.urn]: one for one in recorded.registrations if one.urn in each.depends_on})
    if each.type.startswith("modelyard:"):
        options = _options(each, names, references)
        yield f"{name} = pulumi.ComponentResource({each.type!r}, {each.name!r}, {inputs!r}, {options})"
        yield f"{name}.register_outputs({{}})"
        return
    if each.type == "pulumi:providers:aws":
        made = f"aws.Provider({each.name!r}, {_fields(_parsed(inputs), references)}"
    elif each.type == "pulumi:providers:kubernetes":
        made = f"k8s.Provider({each.name!r}, {_provider(inputs, names, recorded, references)}"
    elif each.type.endswith("dynamic/modelyard:LocalCluster"):
        version = f"kubernetes_version={inputs['kubernetes_version']!r}"
        identity = f"cluster={inputs['name']!r}, engine={inputs['engine']!r}, {version}"
        made = f"LocalClusterResource({each.name!r}, {identity}"
    elif each.type.endswith("dynamic/modelyard:LocalNodes"):
        pool = {key: value for key, value in inputs.items() if key not in ("__provider", "cluster")}
        made = f"LocalNodesResource({each.name!r}, cluster={inputs['cluster']!r}, pool=PoolNodes.from_inputs({pool!r})"
    elif each.type.startswith("aws:"):
        _, module, kind = each.type.split(":")
        made = f"aws.{module.partition('/')[0]}.{kind}({each.name!r}, {_fields(inputs, references)}"
    else:
        made = _object(each, inputs, names, recorded, references)
    yield f"{name} = {made}, opts={_options(each, names, references)})"


def _provider(inputs: dict[str, Any], names: dict[str, str], recorded: Recorded, references: References) -> str:
    """The arguments of a provider of Kubernetes objects."""
    identity = f"cluster_identifier={inputs['clusterIdentifier']!r}"
    local = [names[one.urn] for one in recorded.of("LocalCluster") if "dynamic" in one.type]
    if local:
        return f"kubeconfig={local[0]}.kubeconfig, {identity}, delete_unreachable=True"
    return f"kubeconfig=pulumi.Output.secret({references.written(inputs['kubeconfig'], 'kubeconfig')}), {identity}"


def _object(
    each: Registration, inputs: dict[str, Any], names: dict[str, str], recorded: Recorded, references: References
) -> str:
    """The call that makes a Kubernetes object, without its options and its end."""
    _, group, kind = each.type.split(":")
    if group in _PACKAGES:
        call = f"k8s.{_PACKAGES[group]}.{kind}({each.name!r}"
        # The SDK adds these by itself.
        inputs = {key: value for key, value in inputs.items() if key not in ("apiVersion", "kind", "compat")}
    else:
        call = f"k8s.apiextensions.CustomResource({each.name!r}"
    written = f"{call}, {_fields(inputs, references)}"
    # What stands in a namespace refers to it, as its existence must come first.
    for namespace in recorded.of("Namespace"):
        made = namespace.inputs["metadata"]["name"]
        if namespace.urn in each.depends_on and kind != "Release":
            written = written.replace(f"'namespace': {made!r}", f"'namespace': {names[namespace.urn]}.metadata['name']")
    return written


def _fields(inputs: dict[str, Any], references: References) -> str:
    """Properties as arguments."""
    return ", ".join(f"{_snake(key)}={references.written(value, key)}" for key, value in inputs.items())


def _options(each: Registration, names: dict[str, str], references: References) -> str:
    """The resource's options."""
    parts: list[str] = []
    if each.parent in names:
        parts.append(f"parent={names[each.parent]}")
    provider = each.provider.rsplit("::", 1)[0]
    if provider in names:
        parts.append(f"provider={names[provider]}")
    before = [names[urn] for urn in sorted(each.depends_on, key=list(names).index) if urn in names]
    before = [name for name in before if name not in references.used]
    if before:
        parts.append(f"depends_on=[{', '.join(before)}]")
    if each.timeouts:
        timeouts = ", ".join(f"{key}={value!r}" for key, value in each.timeouts.items())
        parts.append(f"custom_timeouts=pulumi.CustomTimeouts({timeouts})")
    if each.ignore_changes:
        parts.append(f"ignore_changes={list(each.ignore_changes)!r}")
    return f"pulumi.ResourceOptions({', '.join(parts)})"


def _parsed(inputs: dict[str, Any]) -> dict[str, Any]:
    """A provider's inputs: those that are no plain texts travel as JSON."""
    return {key: value if key == "region" else json.loads(value) for key, value in inputs.items()}


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
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()
