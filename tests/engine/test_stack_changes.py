"""Changes of a running stack: each touches what it names and nothing else."""

import base64
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.engine.local_stack import POOL_LABEL, Json, LocalStack, local_stack, uids
from tests.engine.services import service
from tests.engine.steps import changed

pytestmark = pytest.mark.engine


SPEC: Json = {
    "pools": {"system": {"cpus": 32, "memory_gib": 64, "max_nodes": 2}},
    "workspaces": {
        "team": {
            "secrets": {"token": {"from": "config/token"}, "key": {"from": "config/key"}},
            "services": {
                "image": service(replicas=2),
                "scaled": service(replicas=3),
                "reader": service(env_from_secrets={"TOKEN": "token"}),
                "other": service(env_from_secrets={"KEY": "key"}),
                "old-name": service(),
            },
        }
    },
}
"""Each kind of change has a service of its own."""

VALUES = ("first-token-d41d8c", "first-key-98f00b", "second-token-204e98")
"""Of the secrets."""
FAILED_VALUE = "third-token-e9800998"
AUTOSCALING: Json = {"min_replicas": 2, "max_replicas": 4, "target": {"cpu_percent": 70}}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The stack that is changed."""
    secrets = {"token": VALUES[0], "key": VALUES[1]}
    with local_stack(tmp_path_factory.mktemp("changed"), SPEC, secrets=secrets) as made:
        made.project.up()
        yield made


def services(stack: LocalStack) -> Json:
    """The services' part of the spec, to be changed."""
    return stack.spec["workspaces"]["team"]["services"]


@contextmanager
def watching(stack: LocalStack, workload: str, field: str) -> Generator[list[int]]:
    """Every value of a field of a workload's Deployment while the block runs, in order; 0 where it has none."""
    seen: list[int] = []
    with stack.watching("deployments", f"--selector=app.kubernetes.io/instance={workload}", field=field) as lines:
        yield seen
    seen.extend(int(line or 0) for line in lines())


@dataclass(frozen=True, kw_only=True)
class Update:
    """An update, and how the stack was before it."""

    planned: dict[str, set[str]]
    """What the preview said of it."""
    done: dict[str, set[str]]
    order: list[tuple[str, str]]
    """Names and operations."""
    objects: dict[str, str]
    nodes: dict[str, str]
    pods: dict[str, set[str]]
    """By workload."""
    available: list[int]
    """Replicas of `image` while it went on."""
    replicas: list[int]
    """That `scaled` was to have while it went on."""


def pods(stack: LocalStack, workload: str) -> set[str]:
    """Which pods of a workload there are."""
    return set(uids(stack.get("pods", f"--selector=app.kubernetes.io/instance={workload}")).values())


def running_images(stack: LocalStack, workload: str) -> list[str]:
    """The images of a workload's pods that run and are to stay."""
    selector = f"--selector=app.kubernetes.io/instance={workload}"
    found = stack.get("pods", selector, "--field-selector=status.phase=Running")
    return [each["spec"]["containers"][0]["image"] for each in found if "deletionTimestamp" not in each["metadata"]]


def replicas(stack: LocalStack) -> int:
    """How many `scaled` is to have."""
    return stack.one("deployments", "team-scaled")["spec"]["replicas"]


@pytest.fixture(scope="module")
def update(stack: LocalStack) -> Update:
    """One update with a change of every kind."""
    objects, nodes = uids(stack.of_workspace("team")), uids(stack.get("nodes"))
    before = {name: pods(stack, name) for name in ("team-reader", "team-other")}
    services(stack)["image"]["runtime"]["container"]["image"] = "registry.example.org/server:2.0.0"
    del services(stack)["scaled"]["replicas"]
    services(stack)["scaled"]["autoscaling"] = AUTOSCALING
    services(stack)["new-name"] = services(stack).pop("old-name")
    stack.spec["pools"]["system"] |= {"max_nodes": 3, "node_labels": {"example.org/rack": "a1"}}
    stack.spec["pools"]["l4"] = {"accelerator": "l4", "max_nodes": 1}
    stack.project.set_config(secrets={"modelyard:token": VALUES[2]})
    stack.configure()
    planned = changed(stack.project.preview())
    with (
        watching(stack, "team-image", ".status.availableReplicas") as available,
        watching(stack, "team-scaled", ".spec.replicas") as seen,
    ):
        result = stack.project.up()
    return Update(
        planned=planned,
        done=changed(result),
        order=[(step.name, step.op) for step in result.steps],
        available=available,
        replicas=seen,
        objects=objects,
        nodes=nodes,
        pods=before,
    )


def test_an_update_does_what_was_changed_and_what_its_preview_said(update: Update) -> None:
    """And nothing else."""
    parts = ("ModelService {}", "Deployment {}", "Service {}-service", "PodDisruptionBudget {}-disruptions")
    renamed = {part.format(f"team-{name}-name"): {op} for name, op in (("new", "create"), ("old", "delete"))
               for part in parts}  # fmt: skip
    # Of `scaled` only the autoscaler has to come: its Deployment may stop saying how many replicas it has.
    scaled = "Deployment team-scaled"
    assert update.done.get(scaled, {"update"}) == {"update"}
    assert update.planned == update.done
    assert {name: ops for name, ops in update.done.items() if name != scaled} == {
        "Deployment team-image": {"update"},
        "HorizontalPodAutoscaler team-scaled-autoscaler": {"create"},
        "Secret team-token": {"create-replacement", "replace", "delete-replaced"},
        "Deployment team-reader": {"update"},
        "LocalNodes test-system": {"update"},
        "LocalNodes test-l4": {"create"},
        **renamed,
    }


def test_the_cluster_and_all_other_objects_stay_as_they_are(stack: LocalStack, update: Update) -> None:
    after = uids(stack.of_workspace("team"))
    kept = {key: uid for key, uid in update.objects.items() if "old-name" not in key and "team-token" not in key}
    assert kept.items() <= after.items()


def test_image(stack: LocalStack, update: Update) -> None:
    """Another image rolls the one Deployment in place, without a replica less than before."""
    assert min(update.available) == 2
    assert running_images(stack, "team-image") == ["registry.example.org/server:2.0.0"] * 2


def test_secret(stack: LocalStack, update: Update) -> None:
    """A new value rolls the pods that use the secret, and no others."""
    assert not pods(stack, "team-reader") & update.pods["team-reader"]
    assert pods(stack, "team-other") == update.pods["team-other"]
    deployment = stack.one("deployments", "team-reader")["spec"]["template"]["spec"]["containers"][0]
    [name] = [each["valueFrom"]["secretKeyRef"]["name"] for each in deployment["env"] if each["name"] == "TOKEN"]
    secret = stack.get("secrets", f"--field-selector=metadata.name={name}")
    assert [base64.b64decode(each["data"]["value"]).decode() for each in secret] == [VALUES[2]]


def test_renamed_service(stack: LocalStack, update: Update) -> None:
    """A service under another name is another service: made first, then the old one goes with all of its objects."""
    assert update.order.index(("team-new-name", "create")) < update.order.index(("team-old-name", "delete"))
    left = [each["metadata"]["name"] for each in stack.of_workspace("team") if "old-name" in each["metadata"]["name"]]
    assert left == []


def test_larger_pools(stack: LocalStack, update: Update) -> None:
    """A larger pool with another label, and a new one, touch their own nodes only, in place where there are any."""
    after = uids(stack.get("nodes"))
    assert update.nodes.items() <= after.items()
    assert {key.rsplit("/")[-1] for key in after.keys() - update.nodes.keys()} == {"system-2", "l4-0"}
    labelled = stack.get("nodes", "--selector=example.org/rack=a1")
    assert {node["metadata"]["name"] for node in labelled} == {"system-0", "system-1", "system-2"}


def test_fixed_size_to_autoscaling(stack: LocalStack, update: Update) -> None:
    """The Deployment stays, and never has fewer replicas than the smaller of both sizes."""
    assert min(update.replicas) >= AUTOSCALING["min_replicas"]
    assert stack.one("horizontalpodautoscalers", "team-scaled")["spec"]["maxReplicas"] == AUTOSCALING["max_replicas"]


def test_the_number_of_an_autoscaler_stays_and_pools_become_smaller(stack: LocalStack, update: Update) -> None:
    """An update of something else leaves the number of replicas alone; nodes that are too many go, labels with them."""
    deployment = stack.one("deployments", "team-scaled")["metadata"]["name"]
    # As the autoscaler would.
    stack.kubectl("scale", "deployment", deployment, "--namespace=team", "--replicas=4")
    services(stack)["scaled"]["cpus"] = 2
    stack.spec["pools"]["system"]["max_nodes"] = 2
    del stack.spec["pools"]["system"]["node_labels"], stack.spec["pools"]["l4"]
    assert changed(stack.update()) == {
        "Deployment team-scaled": {"update"},
        "LocalNodes test-system": {"update"},
        "LocalNodes test-l4": {"delete"},
    }
    assert replicas(stack) == 4
    assert not stack.get("nodes", "--selector=example.org/rack")
    assert len(stack.get("nodes", f"--selector={POOL_LABEL}=system")) == 2
    assert uids(stack.get("nodes")) == update.nodes


def test_autoscaling_to_a_fixed_size(stack: LocalStack, update: Update) -> None:
    """What fixes the number takes it back from the autoscaler."""
    with watching(stack, "team-scaled", ".spec.replicas") as seen:
        del services(stack)["scaled"]["autoscaling"]
        services(stack)["scaled"]["replicas"] = 3
        result = stack.update()
    assert changed(result) == {
        "Deployment team-scaled": {"update"},
        "HorizontalPodAutoscaler team-scaled-autoscaler": {"delete"},
    }
    assert min(seen) >= AUTOSCALING["min_replicas"]
    assert replicas(stack) == 3
    assert not stack.get("horizontalpodautoscalers", "--selector=app.kubernetes.io/instance=team-scaled")
    assert (
        uids(stack.get("deployments")).items()
        >= {key: uid for key, uid in update.objects.items() if key.startswith("Deployment team/team-scaled")}.items()
    )


def test_nothing_is_left_to_change(stack: LocalStack) -> None:
    """After all of these changes the stack is what its file says."""
    assert stack.project.preview("--expect-no-changes").unchanged


def test_no_secret_is_in_clear(stack: LocalStack) -> None:
    """Neither secrets nor the key in the kubeconfig are in state, configuration, output, errors or event logs."""
    stack.project.set_config(secrets={"modelyard:token": FAILED_VALUE})
    stack.kubectl("create", "quota", "full", "--namespace=team", "--hard=count/secrets=2")
    failed = stack.project.up(fails=True)
    assert "exceeded quota" in failed.messages("error")
    stack.project.run("stack", "export", "--file", str(stack.base / "scratch" / "runs" / "export.json"))
    (stack.base / "scratch" / "runs" / "outputs").write_text(str(stack.project.outputs()), encoding="utf-8")

    key: str = yaml.safe_load(stack.kubeconfig.read_text(encoding="utf-8"))["users"][0]["user"]["client-key-data"]
    values = [*VALUES, FAILED_VALUE, key]
    texts = [each.encode() for each in values] + [base64.b64encode(each.encode()) for each in values]
    written = [
        *_files(stack.folder),
        *_files(stack.base / "scratch" / "backend"),
        *_files(stack.base / "scratch" / "runs"),
    ]
    assert len(written) > 20
    assert [(file, text) for file in written for text in texts if text in file.read_bytes()] == []


def _files(folder: Path) -> list[Path]:
    # .venv is a link to an environment that is not the stack's.
    return [file for file in folder.rglob("*") if file.is_file() and ".venv" not in file.parts]
