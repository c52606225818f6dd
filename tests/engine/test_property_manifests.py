"""Whatever stack is written: it is refused with a ConfigError, or the API server accepts all of it without a warning.

The pods are dry-run as Pods in a namespace that enforces pod security `restricted`, as controllers are only warned.
"""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import event, given

from modelyard.errors import ConfigError
from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import load_stack
from tests.support import paths
from tests.support.control_plane import ApiServer
from tests.support.kinds import served
from tests.support.manifests import apply, manifests, pod_of, settle
from tests.support.mocks import run
from tests.support.strategies import PRIORITY, SECRET, STACKS, WORKSPACE, examples

pytestmark = pytest.mark.engine

Manifest = dict[str, Any]
_ROUTING = "gateway.networking.k8s.io/v1"
_SCHEMAS = {_ROUTING: "gateway-api/httproutes.gateway.networking.k8s.io.yaml"}
"""The files of kinds whose real schemas are there on some machines only."""
_FEWEST_ACCEPTED = 5
"""Of the examples, so that a rule which refuses everything fails."""

PLAIN: Manifest = {
    "cluster": {"local": {"engine": "kwok"}},
    "platform": {"priorities": {PRIORITY: {"value": 1000}}},
    "workspaces": {WORKSPACE: {"secrets": {SECRET: {"from": "config/token"}}}},
}


def objects_of(stack: Manifest) -> list[Manifest]:
    """What the stack makes in its workspace."""
    config = {"modelyard:stack": json.dumps(stack)}
    made = manifests(run(MLStack.from_config, config=config, secrets={"modelyard:token": "hidden"}))
    names = (WORKSPACE, None)
    return [
        each
        for each in made
        if each["metadata"].get("namespace") in names
        and each["kind"] not in {"CustomResourceDefinition", "GatewayClass"}
        and (each["kind"] != "Namespace" or each["metadata"]["name"] == WORKSPACE)
    ]


def with_pods(objects: list[Manifest]) -> Iterator[Manifest]:
    """The objects, and beside each that makes pods one of its pods."""
    for each in objects:
        yield each
        if each["kind"] in {"Deployment", "Job"}:
            yield pod_of(each)
        elif each["kind"] == "CronJob":
            yield pod_of({"metadata": each["metadata"], "spec": each["spec"]["jobTemplate"]["spec"]})


@pytest.fixture(scope="module")
def server(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server with the workspace's namespace and service account, its priority, and the operator's own kinds."""
    with pytest.MonkeyPatch.context() as patch:
        # The local cluster looks for one that it made before.
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        settle(api_server, objects_of(PLAIN))
        yield api_server


@pytest.fixture(scope="module")
def known(server: ApiServer) -> Iterator[set[str]]:
    """The API versions whose real schemas the API server has, for as long as this lasts."""
    folder = paths.ROOT.parent / "shared" / "crds"
    files = {version: folder / name for version, name in _SCHEMAS.items() if (folder / name).is_file()}
    crds: list[Manifest] = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files.values()]
    with served(server, crds) if crds else nullcontext():
        yield set(files)


# Each example starts kubectl once.
@pytest.mark.timeout(600)
def test_a_stack_is_refused_or_accepted_by_the_api_server(server: ApiServer, known: set[str]) -> None:
    accepted: list[int] = []

    @examples(30)
    @given(STACKS)
    def holds(stack: Manifest) -> None:
        try:
            load_stack(json.dumps(stack))
        except ConfigError:
            event("refused")
            return
        objects = [each for each in objects_of(stack) if each["apiVersion"] not in _SCHEMAS.keys() - known]
        assert apply(server, with_pods(objects), dry_run=True) == ""
        accepted.append(len(objects))

    holds()
    assert len(accepted) >= _FEWEST_ACCEPTED
    assert max(accepted) > 8


def test_routes_keep_their_real_schema(server: ApiServer, known: set[str], shared_folder: Path) -> None:
    """That the property above sees them, and can fail."""
    assert _ROUTING in known, f"{shared_folder.name}/ has no schemas"
    container = {"image": "a:1", "port": 8080, "ready_path": "/"}
    service = {"pool": "system", "runtime": {"container": container}, "route": {"path": "/own"}}
    pools = {"system": {"cpus": 8, "memory_gib": 32, "max_nodes": 2}}
    workspaces = {WORKSPACE: {**PLAIN["workspaces"][WORKSPACE], "services": {"own": service}}}
    platform = {**PLAIN["platform"], "gateway": {"hostname": "models.example.org"}}
    stack: Manifest = {**PLAIN, "pools": pools, "platform": platform, "workspaces": workspaces}
    (route,) = [each for each in objects_of(stack) if each["kind"] == "HTTPRoute"]
    assert apply(server, [route], dry_run=True) == ""
    spoiled: Manifest = {**route, "spec": {**route["spec"], "rule": []}}
    assert 'unknown field "rule"' in apply(server, [spoiled], dry_run=True)
