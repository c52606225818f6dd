"""The whole life of releases through the real engine: who gets which requests after every step, read from the API
server, and that nothing live was replaced on the way.

Pods are simulated. Those of verifications run on a node that nothing acts on, so that the test says how they end.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.local_stack import Json, LocalStack, local_stack
from tests.engine.services import service
from tests.engine.steps import assert_before, changed
from tests.support.processes import wait_until
from tests.support.update import Result

pytestmark = pytest.mark.engine

OLD, NEW = "registry.example.org/fraud:4.2.0", "registry.example.org/fraud:4.3.0"
FRAUD = "--selector=app.kubernetes.io/instance=chat-fraud"
ROUTES = "httproutes.gateway.networking.k8s.io"
CHECKS_NODE: Json = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": "checks-by-hand",
        "labels": {"modelyard.dev/pool": "checks", "kubernetes.io/hostname": "checks-by-hand"},
    },
}
ROOM = {"cpu": "16", "memory": "32Gi", "pods": "110"}
VERIFY: Json = {"requests": [{"path": "/healthz"}], "pool": "checks"}
SPEC: Json = {
    "pools": {
        "system": {"cpus": 32, "memory_gib": 64, "max_nodes": 2},
        "checks": {"cpus": 4, "memory_gib": 8, "max_nodes": 1},
    },
    "platform": {"gateway": {"hostname": "models.example.org"}},
    "workspaces": {
        "chat": {
            "services": {
                "fraud": service(OLD, replicas=4, route={"path": "/fraud"}),
            }
        }
    },
}


class Releases:
    """The stack, and what its one service is like on the cluster."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack

    @property
    def service(self) -> Json:
        return self.stack.spec["workspaces"]["chat"]["services"]["fraud"]

    def up(self, release: Json | None) -> Result:
        self.release(release)
        return self.stack.project.up()

    def release(self, release: Json | None) -> None:
        self.service.pop("release", None)
        if release is not None:
            self.service["release"] = release
        self.stack.configure()

    def pods(self) -> dict[str, dict[str, str]]:
        """The image of each pod, by its uid, by variant."""
        found: dict[str, dict[str, str]] = {}
        for pod in self.stack.get("pods", FRAUD + ",app.kubernetes.io/component=model-service"):
            if "deletionTimestamp" not in pod["metadata"]:
                variant = pod["metadata"]["labels"]["modelyard.dev/variant"]
                found.setdefault(variant, {})[pod["metadata"]["uid"]] = pod["spec"]["containers"][0]["image"]
        return found

    def images(self) -> dict[str, list[str]]:
        return {variant: list(pods.values()) for variant, pods in self.pods().items()}

    def weights(self) -> dict[str, int]:
        """Who gets which share of the requests that no rule decides."""
        *_, shared = self.rules()
        return {each["name"]: each["weight"] for each in shared["backendRefs"]}

    def rules(self) -> list[Json]:
        return self.stack.one(ROUTES, "chat-fraud")["spec"]["rules"]

    def leads_to(self) -> dict[str, str]:
        """The variant that each Service leads to."""
        services = self.stack.get("services", FRAUD)
        return {each["metadata"]["name"]: each["spec"]["selector"]["modelyard.dev/variant"] for each in services}

    def route_version(self) -> str:
        return self.stack.one(ROUTES, "chat-fraud")["metadata"]["resourceVersion"]

    def end_verification(self, phase: str) -> str:
        """Have the pod of the verification under way end like that; returns its name."""
        waiting: list[str] = []

        def bound() -> bool:
            pods = self.stack.get("pods", FRAUD + ",app.kubernetes.io/component=verification")
            waiting[:] = [
                pod["metadata"]["name"]
                for pod in pods
                if pod["spec"].get("nodeName") == "checks-by-hand" and pod["status"]["phase"] == "Pending"
            ]
            return bool(waiting)

        wait_until(bound, "the pod of the verification")
        [name] = waiting
        ended = {"exitCode": 0 if phase == "Succeeded" else 1, "message": "GET /healthz: status 500, not 200"}
        container = {"name": "verify-requests", "image": "", "imageID": "", "ready": False, "restartCount": 0}
        status = {"phase": phase, "containerStatuses": [{**container, "state": {"terminated": ended}}]}
        patch = json.dumps({"status": status})
        self.stack.kubectl("patch", "pod", name, "--namespace=chat", "--subresource=status", "--type=merge",
                           f"--patch={patch}")  # fmt: skip
        return name

    def node_for_checks(self) -> None:
        """A node of the pool `checks` that nobody simulates, fresh enough not to be missed."""
        file = self.stack.base / "node.json"
        file.write_text(json.dumps(CHECKS_NODE))
        self.stack.kubectl("delete", "node", "checks-by-hand", "--ignore-not-found")
        self.stack.kubectl("create", f"--filename={file}")
        ready = {"type": "Ready", "status": "True", "reason": "Test", "message": ""}
        status = json.dumps({"status": {"allocatable": ROOM, "capacity": ROOM, "conditions": [ready]}})
        self.stack.kubectl(
            "patch", "node", "checks-by-hand", "--subresource=status", "--type=merge", f"--patch={status}"
        )


@pytest.fixture
def releases(tmp_path: Path, shared_folder: Path) -> Iterator[Releases]:
    with local_stack(tmp_path, SPEC, crds=shared_folder / "crds") as stack:
        stack.project.up()
        yield Releases(stack)


@pytest.mark.timeout(600)
def test_releases_live(releases: Releases) -> None:
    _canary(releases)
    _failed_verification(releases)
    _blue_green(releases)
    _ab_test(releases)
    result = releases.stack.project.destroy()
    assert_before(result, "HTTPRoute chat-fraud-route", "Service chat-fraud-service")
    assert_before(result, "Service chat-fraud-service", "Deployment chat-fraud")
    assert releases.stack.project.resources() == []


def _canary(releases: Releases) -> None:
    """Deploy, 10 %, 50 %, promote."""
    live = releases.pods()["main"]
    result = releases.up({"canary": {"image": NEW, "weight_percent": 10, "header": {"x-next": "1"}}})
    assert_before(result, "Deployment chat-fraud-canary", "HTTPRoute chat-fraud-route")
    assert releases.pods()["main"] == live
    assert releases.images()["canary"] == [NEW]
    assert releases.weights() == {"fraud": 90, "fraud-canary": 10}
    assert releases.leads_to() == {"fraud": "main", "fraud-canary": "canary"}
    by_header, _ = releases.rules()
    assert [each["name"] for each in by_header["backendRefs"]] == ["fraud-canary"]

    releases.up({"canary": {"image": NEW, "weight_percent": 50}})
    assert releases.pods()["main"] == live
    assert releases.images()["canary"] == [NEW, NEW]
    assert releases.weights() == {"fraud": 50, "fraud-canary": 50}
    assert releases.stack.project.preview().unchanged

    result = releases.up({"canary": {"image": NEW, "weight_percent": 50, "promote": True}})
    assert_before(result, "Deployment chat-fraud", "HTTPRoute chat-fraud-route")
    assert_before(result, "HTTPRoute chat-fraud-route", "Deployment chat-fraud-canary")
    assert releases.images() == {"main": [NEW] * 4}
    assert releases.weights() == {"fraud": 1}

    releases.service["runtime"]["container"]["image"] = NEW
    releases.release(None)
    assert changed(releases.stack.project.preview()) == {}, "its place in the file alone"


def _failed_verification(releases: Releases) -> None:
    """Deploy, fail verification, abort; and again, with success."""
    stack = releases.stack
    stack.kubectl("cordon", "checks-0")
    live, version = releases.pods()["main"], releases.route_version()
    release = {"canary": {"image": OLD, "weight_percent": 50}, "verify": VERIFY}
    releases.release(release)
    for phase, weights in (("Failed", {"fraud": 1}), ("Succeeded", {"fraud": 50, "fraud-canary": 50})):
        releases.node_for_checks()
        update = stack.project.start("up", "--yes", "--skip-preview")
        releases.end_verification(phase)
        result = update.wait()
        assert (result.exit_code == 0) is (phase == "Succeeded"), result.text
        assert releases.weights() == weights
        assert releases.pods()["main"] == live
        if phase == "Failed":
            assert releases.route_version() == version, "no request has moved"
    result = releases.up(None)
    assert_before(result, "HTTPRoute chat-fraud-route", "Deployment chat-fraud-canary")
    assert releases.pods() == {"main": live}
    assert not stack.get("jobs", FRAUD)


def _blue_green(releases: Releases) -> None:
    """Both beside each other, the switch, and the way back."""
    live, version = releases.pods()["main"], None
    for colour, variant in (("blue", "main"), ("green", "green"), ("blue", "main")):
        result = releases.up({"blue_green": {"live": colour, "green": {"image": OLD}}})
        assert releases.leads_to() == {"fraud": variant, "fraud-blue": "main", "fraud-green": "green"}
        assert releases.pods()["main"] == live
        assert releases.images()["green"] == [OLD] * 4
        if version:
            assert releases.route_version() == version, "the Service switches, and the route leads to it"
            assert changed(result).keys() == {"Service chat-fraud-service"}
        version = releases.route_version()


def _ab_test(releases: Releases) -> None:
    """From one kind to another, in one step."""
    live = releases.pods()["main"]
    variants = {
        "challenger": {"image": OLD, "weight_percent": 25},
        "internal": {"env": {"A": "1"}, "header": {"x-ranker": "next"}},
    }
    releases.up({"ab_test": {"variants": variants, "sticky_seconds": 600}})
    assert releases.pods()["main"] == live
    assert {variant: len(pods) for variant, pods in releases.pods().items()} == {
        "main": 4, "challenger": 1, "internal": 1
    }  # fmt: skip
    assert releases.weights() == {"fraud": 75, "fraud-challenger": 25}
    assert len(releases.rules()) == 4
    releases.up({"shadow": {"image": OLD, "percent": 20}})
    assert releases.pods()["main"] == live
    [rule] = releases.rules()
    [copy] = [each["requestMirror"] for each in rule["filters"] if each["type"] == "RequestMirror"]
    assert (copy["backendRef"]["name"], copy["percent"]) == ("fraud-shadow", 20)
