"""A containerd of the cluster's own, apart from any other on this machine, and the images in it."""

import hashlib
import io
import json
import platform
import shutil
import tarfile
import time
from pathlib import Path

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
    layer = _tar({"pause": (program.read_bytes(), 0o755)})
    config = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]
    files = {"layer.tar": layer, "config.json": _json(config), "manifest.json": _json(manifest)}
    archive.write_bytes(_tar({name: (content, 0o644) for name, content in files.items()}))


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
