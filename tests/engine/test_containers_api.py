"""A real API server accepts what runs before and beside a workload's own container, also pod security `restricted`."""

from collections.abc import Callable
from typing import Any

import pytest

from modelyard.platform.priorities import Priorities
from modelyard.platform.priorities_spec import PrioritySpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.control_plane import ApiServer
from tests.support.manifests import apply, manifests, pod_of, settle
from tests.support.mocks import run
from tests.unit.workspace.test_containers import KINDS, SPEC

pytestmark = pytest.mark.engine

CONTROLLERS = {"TrainingJob": "Job"}


def objects_of(workspace: str, kind: str) -> list[dict[str, Any]]:
    component, spec = KINDS[kind]

    def program() -> None:
        cluster = bare_cluster()
        priorities = Priorities(f"of-{workspace}", cluster, {"production": PrioritySpec(value=1000, preempts=False)})
        component("work", Workspace(workspace, cluster, SPEC, priorities=priorities), spec)

    return manifests(run(program, secrets={"modelyard:key": "hidden"}))


def settled(server: ApiServer, workspace: str, kind: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Its objects, of which those exist that a pod needs, and one of its pods."""
    objects = objects_of(workspace, kind)
    settle(server, objects)
    controller = next(each for each in objects if each["kind"] == CONTROLLERS.get(kind, kind))
    made = {**controller, **({"spec": controller["spec"]["jobTemplate"]["spec"]} if kind == "CronJob" else {})}
    return objects, pod_of(made)


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_and_its_pods_are_accepted(api_server: ApiServer, kind: str) -> None:
    objects, pod = settled(api_server, f"beside-{kind.lower()}", kind)
    assert apply(api_server, objects, dry_run=True) == ""
    assert apply(api_server, [pod], dry_run=True) == ""


def _with_a_priority_of_another_name(pod: dict[str, Any]) -> None:
    pod["priorityClassName"] = "none"


def _with_a_sidecar_as_root(pod: dict[str, Any]) -> None:
    pod["initContainers"][1]["securityContext"]["runAsUser"] = 0


def _with_two_containers_of_one_name(pod: dict[str, Any]) -> None:
    pod["initContainers"][0]["name"] = pod["containers"][0]["name"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_with_a_priority_of_another_name, "no PriorityClass with name none was found"),
        (_with_a_sidecar_as_root, "violates PodSecurity"),
        (_with_two_containers_of_one_name, "Duplicate value"),
    ],
)
def test_what_we_refuse_the_api_server_would_refuse_too(
    api_server: ApiServer, spoil: Callable[[dict[str, Any]], None], message: str
) -> None:
    _, pod = settled(api_server, spoil.__name__.strip("_").replace("_", "-"), "Job")
    spoil(pod["spec"])
    assert message in apply(api_server, [pod], dry_run=True)
