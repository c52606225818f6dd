"""What works on nodes with GPUDirect-TCPX and -TCPXO."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from modelyard.gpu.tcpx import TCPX_PLUGIN_FOLDER, TCPXO_PLUGIN_FOLDER
from modelyard.platform.accelerators import Accelerators
from modelyard.platform.installers import INSTALLERS
from tests.support.clusters import bare_cluster
from tests.support.gpu_pools import gke_pool
from tests.support.mocks import Recorded, run

POOLS = {name: gke_pool(name, accelerator="h100", gpus_per_node=8, fabric=name) for name in ("tcpx", "tcpxo")}


def made(*pools: str) -> Recorded:
    return run(lambda: Accelerators("agents", bare_cluster({name: POOLS[name] for name in pools})))


def pods_of(recorded: Recorded) -> dict[str, dict[str, Any]]:
    found = {each.inputs["metadata"]["namespace"]: each.inputs["spec"] for each in recorded.of("DaemonSet")}
    return {name: spec["template"]["spec"] for name, spec in found.items()}


def pools_in(pod: dict[str, Any]) -> list[str]:
    required = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return sorted(term["matchExpressions"][0]["values"][0] for term in required["nodeSelectorTerms"])


def test_each_kind_has_its_own_plugin_and_both_one_injector() -> None:
    pods = pods_of(made("tcpx", "tcpxo"))
    assert {name: pools_in(pod) for name, pod in pods.items()} == {
        "tcpx-installer": ["tcpx"],
        "tcpxo-installer": ["tcpxo"],
        "device-injector": ["tcpx", "tcpxo"],
    }
    assert set(pods_of(made("tcpx"))) == {"tcpx-installer", "device-injector"}


def test_the_injector_works_for_as_long_as_the_node_is_there() -> None:
    pod = pods_of(made("tcpx"))["device-injector"]
    assert "initContainers" not in pod
    (container,) = pod["containers"]
    assert "@sha256:" in container["image"]
    assert "command" not in container
    assert container["securityContext"] == {"privileged": True}
    assert {each["mountPath"] for each in container["volumeMounts"]} == {"/dev", "/var/run/nri"}


def test_tcpxo_prepares_the_node_before_the_plugin_is_there() -> None:
    pod = pods_of(made("tcpxo"))["tcpxo-installer"]
    prepare, work = pod["initContainers"]
    assert prepare["command"][:4] == ["nsenter", "-at", "1", "--"]
    assert "1ae0:0084" in prepare["command"][-1]
    assert pod["hostPID"] is True
    assert work["image"].endswith("/gpudirect-tcpxo/nccl-plugin-gpudirecttcpx-dev:v1.0.15")
    assert len(pods_of(made("tcpx"))["tcpx-installer"]["initContainers"]) == 1


@pytest.mark.parametrize(("name", "folder"), [("tcpx", TCPX_PLUGIN_FOLDER), ("tcpxo", TCPXO_PLUGIN_FOLDER)])
def test_pods_see_all_of_a_plugin_or_nothing(name: str, folder: str, tmp_path: Path) -> None:
    """The script itself, on folders of the test in place of the node's."""
    installed, programs = tmp_path / "lib" / name / "lib64", tmp_path / "bin"
    installed.mkdir(parents=True)
    programs.mkdir()
    (installed / "libnccl.so").write_text("first")
    entry = tmp_path / "container_entry.sh"
    entry.write_text('[ "$*" = "install --install-nccl" ]')
    target = programs / folder.rpartition("/")[2]
    script = INSTALLERS["tcpx-installer" if name == "tcpx" else "tcpxo-installer"].script
    for path, own in (("/scripts/container_entry.sh", entry), ("/var/lib", tmp_path / "lib"), ("/host", programs)):
        script = script.replace(path, str(own))
    # What an interrupted one left is no plugin.
    (programs / f"{target.name}.new").mkdir()
    subprocess.run(["bash", "-c", script], check=True, capture_output=True)
    assert [each.name for each in programs.iterdir()] == [target.name]
    assert (target / "lib64" / "libnccl.so").read_text() == "first"
    # Where it is already, pods may be using it.
    (installed / "libnccl.so").write_text("second")
    subprocess.run(["bash", "-c", script], check=True, capture_output=True)
    assert (target / "lib64" / "libnccl.so").read_text() == "first"


def test_the_preparation_is_a_script_that_a_shell_reads() -> None:
    script = INSTALLERS["tcpxo-installer"].host_script
    assert subprocess.run(["sh", "-n", "-c", script], check=False).returncode == 0
