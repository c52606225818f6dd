"""A containerd of the cluster's own, apart from any other on this machine, and the images in it."""

import hashlib
import io
import json
import platform
import shutil
import tarfile
import time
from pathlib import Path
from typing import BinaryIO

from modelyard.cluster.local.engines.host.commands import attempt, path, run
from modelyard.cluster.local.engines.host.machine import IMAGE_NAMESPACE, PAUSE_IMAGE, RUN, SOCKET, Machine
from modelyard.cluster.local.folder import LocalClusterError

PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
"""Where distributions put the CNI plugins: Debian and Ubuntu, upstream's archives, Fedora."""
PLUGINS = ("ptp", "host-local", "loopback")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_ANSWER_SECONDS = 60
_ANSWER_POLL_SECONDS = 0.1
_LOAD_SECONDS = 1800
"""An image of 10 GiB with PyTorch, on a slow disk."""


def plugin_folder() -> Path | None:
    """The folder that has all CNI plugins that are needed."""
    return next((each for each in PLUGIN_FOLDERS if all((each / name).exists() for name in PLUGINS)), None)


def configure(machine: Machine) -> list[str]:
    """Write containerd's configuration and return its arguments."""
    return ["--config", str(machine.write("containerd.toml", _configuration(machine)))]


def _configuration(machine: Machine) -> str:
    folder = machine.node_folder
    return f"""version = 2
root = "{folder}/containerd"
state = "{RUN}/containerd"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE no process may be kept from the kernel's choice for its out-of-memory killer.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugin_folder()}"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "{RUN}/runc"
      SystemdCgroup = false
"""


def wait_answering() -> None:
    """Wait until containerd answers.

    Raises:
        LocalClusterError: it did not within a minute.
    """
    deadline = time.monotonic() + _ANSWER_SECONDS
    while (answer := attempt("ctr", "-a", str(SOCKET), "version")).returncode != 0:
        if time.monotonic() > deadline:
            raise LocalClusterError(f"containerd does not answer after {_ANSWER_SECONDS} s: {answer.stderr.strip()}")
        time.sleep(_ANSWER_POLL_SECONDS)


def images() -> set[str]:
    """References of the images that are there."""
    return set(run("ctr", "-a", str(SOCKET), "-n", IMAGE_NAMESPACE, "images", "list", "-q").split())


def load(archive: Path) -> None:
    """Take in the images of a docker-archive under the references that are in it."""
    run(
        "ctr", "-a", str(SOCKET), "-n", IMAGE_NAMESPACE, "images", "import", str(archive), timeout_seconds=_LOAD_SECONDS
    )


def load_pause(machine: Machine) -> None:
    """Have the image that holds a pod's namespaces: one program, nothing else."""
    if PAUSE_IMAGE in images():
        return
    archive = machine.node_folder / "pause.tar"
    write_image(archive, PAUSE_IMAGE, Path(str(shutil.which("modelyard-pause", path=path()))))
    load(archive)
    archive.unlink()


def write_image(archive: Path, reference: str, program: Path) -> None:
    """Write a docker-archive of an image with one static program, which it runs.

    https://github.com/moby/docker-image-spec/blob/main/v1.2.md
    """
    layer = archive.with_suffix(".layer")
    with program.open("rb") as content, tarfile.open(layer, mode="w") as tar:
        _add(tar, program.name, content, 0o755)
    with layer.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    config = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]
    with layer.open("rb") as content, tarfile.open(archive, mode="w") as tar:
        _add(tar, "layer.tar", content)
        _add(tar, "config.json", _json(config))
        _add(tar, "manifest.json", _json(manifest))
    layer.unlink()


def _json(document: object) -> BinaryIO:
    return io.BytesIO(json.dumps(document).encode())


def _add(tar: tarfile.TarFile, name: str, content: BinaryIO, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = content.seek(0, io.SEEK_END), mode
    content.seek(0)
    tar.addfile(entry, content)
