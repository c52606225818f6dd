"""A real image, built without Docker and without a registry, and what runs in it."""

import json
import os
import re
import shutil
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from modelyard.cluster.local import lifecycle
from modelyard.cluster.local.dynamic import LocalImageProvider
from modelyard.cluster.local.engines.base import KUBECONFIG
from modelyard.cluster.local.engines.host.machine import SOCKET
from modelyard.cluster.local.engines.kind import docker_problem
from modelyard.cluster.local.folder import cluster_folder
from modelyard.cluster.local.images import build
from modelyard.cluster.local.images.sources import ImageSource, find_sources
from modelyard.cluster.spec import ImageBuildSpec
from tests.support.host_clusters import apply, kubectl, node_environment
from tests.support.processes import wait_until
from tests.support.toolchain import tool_path
from tools.toolchain import lockfile
from tools.toolchain.places import find_places

REPOSITORY = "registry.example.org/team/hello"
_DOCKERFILE = """\
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements.txt .
COPY wheels/ wheels/
RUN pip install --no-cache-dir --no-index --find-links wheels --require-hashes -r requirements.txt

FROM build
COPY package/ package/
COPY start.sh .
USER 10001
ENTRYPOINT ["/app/start.sh"]
"""
_PROGRAM = """\
import os, sys, yaml
print(os.getuid(), sys.version_info[:2], yaml.__with_libyaml__)
"""


def _reason() -> str | None:
    if docker_problem() is None:
        return "Docker answers, and builds in place of buildah"
    missing = [name for name in ("buildah", "mmdebstrap") if shutil.which(name) is None]
    if missing:
        return f"{' and '.join(missing)} is not on PATH"
    return None if os.geteuid() == 0 else "only root can build images without Docker"


pytestmark = pytest.mark.skipif(_reason() is not None, reason=str(_reason()))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def context(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Found in the user's own cache, before ours takes its place.
    monkeypatch.setenv("PATH", tool_path())
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    folder = tmp_path / "context"
    (folder / "package").mkdir(parents=True, mode=0o700)
    (folder / "Dockerfile").write_text(_DOCKERFILE, encoding="utf-8")
    (folder / "requirements.txt").write_text(_requirements(), encoding="utf-8")
    (folder / "package" / "__main__.py").write_text(_PROGRAM, encoding="utf-8")
    (folder / "start.sh").write_text("#!/bin/sh\ncd /app\nexec python -m package\n", encoding="utf-8")
    (folder / "start.sh").chmod(0o700)
    (folder / "secret.txt").write_text("not for the image", encoding="utf-8")
    (folder / ".dockerignore").write_text("secret.txt\n", encoding="utf-8")
    return folder


def _requirements() -> str:
    """PyYAML, whose wheel holds a library for this processor, as the project's own lock has it."""
    return lockfile.read(find_places({}))["pyyaml"].text + "\n"


def _source(context: Path) -> ImageSource:
    return find_sources({REPOSITORY: ImageBuildSpec(context=str(context))}, "images")[REPOSITORY]


def _unpacked(archive: Path, target: Path) -> dict[str, Any]:
    """Unpack the image's layers below `target` and return its configuration."""
    with tarfile.open(archive) as outer:
        [manifest] = json.load(_member(outer, "manifest.json"))
        assert manifest["RepoTags"] == [f"{REPOSITORY}:{archive.stem}"]
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=_member(outer, layer)) as inner:
                # Python before 3.11.4 has no filters, and trusts every archive.
                inner.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
                inner.extractall(target)
        return json.load(_member(outer, manifest["Config"]))["config"]


def _member(archive: tarfile.TarFile, name: str) -> Any:
    member = archive.extractfile(name)
    assert member is not None
    return member


def _run(root: Path, config: dict[str, Any]) -> str:
    return subprocess.run(
        ["chroot", f"--userspec={config['User']}:10001", root, *config["Entrypoint"]],
        env=dict(each.split("=", 1) for each in config["Env"]),
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def _notes() -> set[Path]:
    """The files that buildah makes outside of its storage where nobody keeps it from that."""
    folders = (Path("/etc/cni"), Path("/var/lib/containers"))
    return {path for folder in folders for path in (folder, *folder.rglob("*")) if path.exists()}


def test_an_image_is_built_runs_as_its_user_and_is_not_built_twice(context: Path, tmp_path: Path) -> None:
    source = _source(context)
    assert list(build.problems(source)) == []
    before = _notes()
    archive = build.provide_archive(source)
    assert _notes() == before
    root = tmp_path / "root"
    root.mkdir()
    config = _unpacked(archive, root)
    assert (config["User"], config["Entrypoint"], config["WorkingDir"]) == ("10001", ["/app/start.sh"], "/app")
    assert _run(root, config) == "10001 (3, 11) True\n"
    assert not (root / "app" / "secret.txt").exists()
    assert sorted(each.name for each in context.iterdir()) == [
        *(".dockerignore", "Dockerfile", "package", "requirements.txt", "secret.txt", "start.sh"),
    ]

    start = time.monotonic()
    assert build.provide_archive(_source(context)) == archive
    assert time.monotonic() - start < 1


def test_a_changed_source_is_built_without_a_network_and_leaves_nothing_behind(context: Path, cache: Path) -> None:
    """Base and wheels are those of the first build."""
    build.provide_archive(_source(context))
    (context / "package" / "__main__.py").write_text("print('changed')\n", encoding="utf-8")
    environment = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
            patch.setenv(name.lower(), value)
        archive = build.provide_archive(_source(context))
    with tarfile.open(archive) as outer:
        assert len(json.load(_member(outer, "manifest.json"))[0]["Layers"]) >= 2
    assert not (cache / "modelyard" / "images" / "scratch").exists()
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    assert str(cache) not in mounts


def test_a_failing_step_is_shown(context: Path) -> None:
    (context / "Dockerfile").write_text("FROM python:3.11-slim-bookworm\nRUN echo about to fail && false\n", "utf-8")
    with pytest.raises(RuntimeError, match=r"(?s)buildah build failed with exit code 1.*about to fail"):
        build.provide_archive(_source(context))


def test_a_wrong_hash_is_refused(context: Path) -> None:
    (context / "requirements.txt").write_text(re.sub("sha256:....", "sha256:0000", _requirements()), encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"(?s)downloading the wheels.*Expected .*Got"):
        build.provide_archive(_source(context))


def test_an_image_runs_on_a_node_that_had_no_registry_and_is_loaded_again_when_it_is_lost(
    context: Path, tmp_path: Path
) -> None:
    source, provider = _source(context), LocalImageProvider()
    inputs = {
        "cluster": "images",
        "repository": REPOSITORY,
        "reference": source.reference,
        "context": str(source.context),
        "dockerfile": source.dockerfile,
    }
    with node_environment(tmp_path / "state"):
        lifecycle.create("images", "host", "1.35")
        assert provider.create(inputs).outs == inputs
        assert not provider.diff("", inputs, inputs).changes
        assert _ran(cluster_folder("images") / KUBECONFIG, source.reference) == "10001 (3, 11) True\n"
        forget = ["ctr", f"--address={SOCKET}", "--namespace=k8s.io", "images", "remove", source.reference]
        subprocess.run(forget, check=True, capture_output=True)
        assert provider.diff("", inputs, inputs).changes
        provider.update("", inputs, inputs)
        assert not provider.diff("", inputs, inputs).changes


def _ran(kubeconfig: Path, image: str) -> str:
    """What a pod of the image prints."""
    wait_until(lambda: "default" in kubectl(kubeconfig, "get", "serviceaccounts"), "the service account is there")
    spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": image}]}
    apply(kubeconfig, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "hello"}, "spec": spec})
    kubectl(kubeconfig, "wait", "pod/hello", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=90s")
    return kubectl(kubeconfig, "logs", "hello")
