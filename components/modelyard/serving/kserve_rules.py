"""What KServe cannot have, or would understand otherwise than it is meant. Imports no Pulumi package.

Source: https://github.com/kserve/kserve/blob/v0.20.0/pkg/apis/serving/v1beta1/inference_service_validation.go
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem, show
from modelyard.platform.kserve_kind import CONTAINER, KSERVE, is_namable, name_characters
from modelyard.workspace.container_spec import EnvironmentSpec

if TYPE_CHECKING:
    from modelyard.serving.spec import ModelServiceSpec

_PATH = "backend"
_WITHOUT = "leave backend out"
_REFUSED_VARIABLES = {"PYTHONPATH": "KServe refuses it in every container"}
_PROTOCOL = "PROTOCOL"
_PROTOCOLS = ("v1", "v2")
_READ_VARIABLES = {
    "STORAGE_URI": "KServe would download a model from there, into a folder that the server does not read",
    _PROTOCOL: "KServe takes it for the server's protocol, and refuses any but v1 and v2",
}


def kserve_problems(service: "ModelServiceSpec") -> Iterator[Problem]:
    """Why a service cannot be made by KServe, as far as that needs neither pool nor cluster."""
    if service.backend != KSERVE:
        return
    if service.spans_nodes:
        why = "KServe makes groups of pods for its own runtimes only, and a replica would be one"
        yield Problem(path=_PATH, why=why, fix=f"{_WITHOUT}, or use the GPUs of one node")
    verify = service.release and service.release.verify
    if verify and not service.is_replaced_in_place:
        why = "would ask a version while KServe still replaces its pods, as an update does not wait for their end"
        yield Problem(path="release.verify", why=why, fix=f"verify a rolling update, or {_WITHOUT}")
    yield from _variable_problems(service, {**_REFUSED_VARIABLES, **_READ_VARIABLES})
    for block, containers in (("init_containers", service.init_containers), ("sidecars", service.sidecars)):
        for index, each in enumerate(containers):
            path = f"{block}[{index}]"
            yield from (problem.under(path) for problem in _variable_problems(each, _REFUSED_VARIABLES))
            if each.container_name == CONTAINER:
                why = f"{CONTAINER} is what KServe calls the container of the server"
                yield Problem(path=f"{path}.name", why=why, fix="choose another")


def namespace_problems(service: "ModelServiceSpec", workspace: str) -> Iterator[Problem]:
    """Why what KServe makes could have no name in the namespace of that workspace."""
    if service.backend == KSERVE and not is_namable(workspace):
        left = max(name_characters(workspace), 0)
        why = f"KServe makes a host name of {show(workspace)} and a name, for which {left} characters are left"
        yield Problem(path=_PATH, why=why, fix=f"shorten the workspace's name, or {_WITHOUT}")


def stack_kserve_problems(service: "ModelServiceSpec", *, is_present: bool) -> Iterator[Problem]:
    """A service for KServe in a stack that does not say that the cluster has it."""
    if service.backend == KSERVE and not is_present:
        why = "needs KServe on the cluster, which is not installed here"
        fix = f"install it yourself and say platform: {{kserve_present: true}}, or {_WITHOUT}"
        yield Problem(path=_PATH, why=why, fix=fix)


def cluster_kserve_problems(
    service: "ModelServiceSpec", workspace: str, pools: Mapping[str, Pool], *, is_acted_on: bool | None
) -> Iterator[Problem]:
    """Why a service cannot be made by the KServe of its cluster.

    Args:
        service: a valid spec.
        workspace: the name of its workspace.
        pools: those of the cluster.
        is_acted_on: whether KServe runs there; None where nobody has said so.
    """
    if service.backend != KSERVE:
        return
    yield from namespace_problems(service, workspace)
    if is_acted_on is None:
        why = "needs KServe, and nothing is given that says that the cluster has it"
        yield Problem(path=_PATH, why=why, fix="pass kserve=KServe(NAME, CLUSTER), made once for the cluster")
    elif not is_acted_on and any(pools[each.spec.pool].runs_containers for each in service.variants):
        why = "the cluster installs no charts and has no KServe, so that nothing would make the service's pods"
        yield Problem(path=_PATH, why=why, fix=f"{_WITHOUT} on this cluster, or use a pool of simulated nodes")


def needs_kserve(services: Iterable["ModelServiceSpec"]) -> bool:
    """Whether the cluster has to have KServe for one of these services."""
    return any(each.backend == KSERVE for each in services)


def _variable_problems(spec: EnvironmentSpec, refused: Mapping[str, str]) -> Iterator[Problem]:
    for block in ("env", "env_from_secrets", "env_from_object_stores"):
        given: Mapping[str, object] = getattr(spec, block)
        for name, why in refused.items():
            is_understood = name == _PROTOCOL and block == "env" and given.get(name) in _PROTOCOLS
            if name in given and not is_understood:
                yield Problem(path=f"{block}.{name}", why=why, fix=f"use another name, or {_WITHOUT}")
