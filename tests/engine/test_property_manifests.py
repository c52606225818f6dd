"""Whatever stack is written: it is refused with a ConfigError, or the API server accepts all of it without a warning.

The pods are dry-run as Pods in a namespace that enforces pod security `restricted`, as controllers are only warned.
"""

import json
from collections.abc import Iterator
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
from tests.support.manifests import apply, delete, manifests, pod_of
from tests.support.mocks import run
from tests.support.processes import wait_until
from tests.support.strategies import SECRET, STACKS, WORKSPACE, examples

pytestmark = pytest.mark.engine

Manifest = dict[str, Any]
_MONITORING = "monitoring.coreos.com/v1"
_FEWEST_ACCEPTED = 5
"""Of the examples, so that a rule which refuses everything fails."""

PLAIN: Manifest = {
    "cluster": {"local": {"engine": "kwok"}},
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
        and each["kind"] != "CustomResourceDefinition"
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
    """An API server with the workspace's namespace and service account, and the operator's own kinds."""
    with pytest.MonkeyPatch.context() as patch:
        # The local cluster looks for one that it made before.
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        before = [each for each in objects_of(PLAIN) if each["kind"] in {"Namespace", "ServiceAccount"}]
        assert len(before) == 2
        assert apply(api_server, before, dry_run=False) == ""
        yield api_server


@pytest.fixture(scope="module")
def monitored(server: ApiServer) -> Iterator[bool]:
    """Whether the API server knows ServiceMonitors by their real schema, which it does for as long as this lasts."""
    folder = paths.ROOT.parent / "shared" / "crds" / "prometheus-operator"
    if not folder.is_dir():
        yield False
        return
    crd: Manifest = yaml.safe_load((folder / "servicemonitors.monitoring.coreos.com.yaml").read_text(encoding="utf-8"))
    assert apply(server, [crd], dry_run=False) == ""
    probe: Manifest = {
        "apiVersion": _MONITORING, "kind": "ServiceMonitor", "metadata": {"name": "probe", "namespace": WORKSPACE},
        "spec": {"selector": {}, "endpoints": []},
    }  # fmt: skip
    wait_until(lambda: apply(server, [probe], dry_run=True) == "", "the kind ServiceMonitor to be served")
    yield True
    delete(server, [crd])


# Each example starts kubectl once.
@pytest.mark.timeout(600)
def test_a_stack_is_refused_or_accepted_by_the_api_server(server: ApiServer, monitored: bool) -> None:
    accepted: list[int] = []

    @examples(30)
    @given(STACKS)
    def holds(stack: Manifest) -> None:
        try:
            load_stack(json.dumps(stack))
        except ConfigError:
            event("refused")
            return
        objects = [each for each in objects_of(stack) if monitored or each["apiVersion"] != _MONITORING]
        assert apply(server, with_pods(objects), dry_run=True) == ""
        accepted.append(len(objects))

    holds()
    assert len(accepted) >= _FEWEST_ACCEPTED
    assert max(accepted) > 8


def test_service_monitors_keep_the_operators_schema(server: ApiServer, monitored: bool, shared_folder: Path) -> None:
    """That the property above sees them, and can fail."""
    assert monitored, f"{shared_folder.name}/ has no schemas"
    container = {"image": "a:1", "port": 8080, "ready_path": "/", "metrics_path": "/metrics"}
    service = {"pool": "system", "runtime": {"container": container}}
    pools = {"system": {"cpus": 8, "memory_gib": 32, "max_nodes": 2}}
    workspaces = {WORKSPACE: {**PLAIN["workspaces"][WORKSPACE], "services": {"own": service}}}
    stack: Manifest = {**PLAIN, "pools": pools, "observability": {"metrics": {}}, "workspaces": workspaces}
    (monitor,) = [each for each in objects_of(stack) if each["kind"] == "ServiceMonitor"]
    assert apply(server, [monitor], dry_run=True) == ""
    spoiled: Manifest = {**monitor, "spec": {**monitor["spec"], "endpoint": []}}
    assert "endpoint" in apply(server, [spoiled], dry_run=True)
