"""What pods get on pools with GPUDirect-TCPX and -TCPXO."""

from typing import Any

import pytest

from modelyard.batch.spec import TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.spec import validate
from modelyard.workspace.place import Place
from modelyard.workspace.spec import FabricSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.gpu_pools import gke_pool
from tests.support.mocks import Recorded, run

POOLS = {name: gke_pool(name, accelerator="h100", gpus_per_node=8, fabric=name) for name in ("tcpx", "tcpxo")}
POOLS["plain"] = gke_pool("plain", accelerator="h100", gpus_per_node=8)


def training(**fields: Any) -> TrainingJobSpec:
    given: dict[str, Any] = {"nodes": 2, "gpus_per_node": 8, "image": "registry.example.org/train:1"}
    return TrainingJobSpec(**{**given, **fields})


def made(spec: TrainingJobSpec) -> Recorded:
    workspace = WorkspaceSpec(fabric=FabricSpec())
    return run(lambda: TrainingJob("pretrain", Workspace("lab", bare_cluster(POOLS), workspace), spec))


def template_of(spec: TrainingJobSpec) -> dict[str, Any]:
    return made(spec).one("Job").inputs["spec"]["template"]


def folders(pod: dict[str, Any], container: dict[str, Any]) -> dict[str, str]:
    volumes = {each["name"]: each["hostPath"]["path"] for each in pod["volumes"] if each.get("hostPath")}
    return {each["mountPath"]: volumes[each["name"]] for each in container["volumeMounts"] if each["name"] in volumes}


@pytest.mark.parametrize("fabric", ["tcpx", "tcpxo"])
def test_googles_process_ends_with_the_job(fabric: str) -> None:
    pod = template_of(training(pool=fabric))["spec"]
    (sidecar,), (container,) = pod["initContainers"], pod["containers"]
    assert (sidecar["name"], sidecar["restartPolicy"]) == (f"{fabric}-daemon", "Always")
    assert "NET_ADMIN" in sidecar["securityContext"]["capabilities"]["add"]
    assert sidecar["securityContext"]["privileged"] is False
    # A quota of processors counts pods only that say what they take.
    assert set(sidecar["resources"]["requests"]) == {"cpu", "memory"}
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "8"
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["IPC_LOCK"]}


def test_tcpx_shares_a_folder_with_its_process() -> None:
    pod = template_of(training(pool="tcpx"))["spec"]
    (sidecar,), (container,) = pod["initContainers"], pod["containers"]
    shared = [each["name"] for each in sidecar["volumeMounts"] if each["mountPath"] == "/run/tcpx"]
    assert shared == [each["name"] for each in container["volumeMounts"] if each["mountPath"] == "/run/tcpx"]
    (volume,) = (each for each in pod["volumes"] if each["name"] == shared[0])
    assert "emptyDir" in volume
    assert "startupProbe" not in sidecar


def test_tcpxo_starts_when_its_process_says_so() -> None:
    pod = template_of(training(pool="tcpxo"))["spec"]
    (sidecar,), (container,) = pod["initContainers"], pod["containers"]
    assert sidecar["startupProbe"]["exec"]["command"] == ["cat", "/run/health-check"]
    cards = next(each for each in container["volumeMounts"] if each["mountPath"] == "/dev/aperture_devices")
    # Files of devices are written to; libraries are not.
    assert "readOnly" not in cards
    libraries = next(each for each in container["volumeMounts"] if each["mountPath"] == "/usr/local/tcpxo")
    assert libraries["readOnly"] is True


@pytest.mark.parametrize("fabric", ["tcpx", "tcpxo"])
def test_folders_of_the_node_are_volumes_with_names_that_kubernetes_takes(fabric: str) -> None:
    pod = template_of(training(pool=fabric))["spec"]
    (sidecar,), (container,) = pod["initContainers"], pod["containers"]
    assert folders(pod, sidecar) == {
        "/usr/local/nvidia/lib64": "/home/kubernetes/bin/nvidia/lib64",
        "/hostsysfs": "/sys",
        "/hostprocsysfs": "/proc/sys",
    }
    assert folders(pod, container)["/usr/local/nvidia/lib64"] == "/home/kubernetes/bin/nvidia/lib64"
    names = [each["name"] for each in pod["volumes"]]
    assert len(set(names)) == len(names)
    assert all(each.replace("-", "").isalnum() for each in names)


def test_the_networks_are_in_the_pods_annotations() -> None:
    annotations = template_of(training(pool="tcpx"))["metadata"]["annotations"]
    assert '"network": "gpu-4"' in annotations["networking.gke.io/interfaces"]
    assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"


@pytest.mark.parametrize("spec", [training(pool="tcpx", nodes=1), training(pool="plain")])
def test_without_the_network_there_is_nothing_of_it(spec: TrainingJobSpec) -> None:
    recorded = made(spec)
    job = recorded.one("Job").inputs
    template = job["spec"]["template"]
    assert "initContainers" not in template["spec"]
    assert "networking.gke.io/interfaces" not in template["metadata"]["annotations"]
    assert job["metadata"]["namespace"] == "lab"
    assert not [each for each in template["spec"]["volumes"] if each.get("hostPath")]


def test_an_exit_code_is_that_of_the_container() -> None:
    def codes(pool: str) -> dict[str, Any]:
        policy = made(training(pool=pool, fatal_exit_codes=[1])).one("Job").inputs["spec"]["podFailurePolicy"]
        return policy["rules"][1]["onExitCodes"]

    assert codes("tcpx")["containerName"] == "pretrain"
    assert "containerName" not in codes("plain")


def test_a_pod_has_all_cards_and_so_all_gpus() -> None:
    def said(**fields: Any) -> list[str]:
        place = Place(pools=POOLS, fabric_volumes=())
        return [str(problem) for problem in validate(training(**fields)).problems_on(place)]

    assert said(pool="tcpx", gpus_per_node=4) == [
        (
            "gpus_per_node: the 4 network cards of a node go to one pod, and with 4 of its 8 GPUs most would be idle; "
            "use 8, or nodes: 1"
        )
    ]
    assert said(pool="tcpx") == []
    assert said(pool="tcpx", gpus_per_node=4, nodes=1) == []
    assert said(pool="plain", gpus_per_node=4) == []


def test_a_workspace_needs_a_companion_for_it() -> None:
    (problem,) = validate(training(pool="tcpxo")).problems_on(Place(pools=POOLS))
    assert (problem.path, "fabric: {}" in problem.fix) == ("nodes", True)
