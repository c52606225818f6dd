"""Images by buildah, without Docker, on bases that are made from Debian's packages: no registry is asked.

Image storage of its own inside the cache, and no daemon. Settings: https://github.com/containers/buildah/tree/main/docs
and https://github.com/containers/common/blob/main/docs/containers.conf.5.md
"""

import os
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from modelyard.cluster.local.images.content import RECIPE
from modelyard.cluster.local.images.dockerfile import bases
from modelyard.cluster.local.images.workshop import Workshop, say
from modelyard.errors import Problem, show

_PROGRAMS = ("buildah", "mmdebstrap", "unshare")
_FIX = "apt-get install buildah mmdebstrap, or start Docker"

BASES: dict[str, Sequence[str]] = {
    "debian:bookworm-slim": ("ca-certificates",),
    "python:3.11-slim-bookworm": ("ca-certificates", "python3", "python3-pip"),
}
"""The images of Docker Hub that Debian's packages can stand for, and the packages beside the essential ones."""
_SUITE = "bookworm"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What the slim images of Docker Hub leave out: https://github.com/debuerreotype/debuerreotype. By a hook, as filtering
# each package takes longer than installing it.
_SLIM_HOOK = 'cd "$1"/usr/share && rm -rf info/* locale/* man/* && find doc ! -type d ! -name copyright -delete'
_PYTHON_HOOKS = (
    # The official image's pip installs for all users too: https://peps.python.org/pep-0668/
    'rm -f "$1"/usr/lib/python3.*/EXTERNALLY-MANAGED',
    'ln -s /usr/bin/python3 "$1"/usr/local/bin/python',
)
# chroot needs no runtime and no rights beyond root's; vfs no kernel module.
_ENVIRONMENT = {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs", "BUILDAH_FORMAT": "docker"}
_NOTES = Path("/var/lib/containers/cache")
"""Where buildah notes for root which layers it has seen, wherever its storage is: no setting says otherwise."""


def problems(dockerfile: str) -> Iterator[Problem]:
    """Why this machine cannot build from a Dockerfile without Docker.

    Args:
        dockerfile: its text.
    """
    absent = [name for name in _PROGRAMS if shutil.which(name) is None]
    if absent:
        yield Problem(why=f"Docker does not answer, and {' and '.join(absent)} is not on PATH", fix=_FIX)
    elif os.geteuid() != 0:
        yield Problem(why="Docker does not answer, and only root can build images without it", fix="start Docker")
    for base in bases(dockerfile):
        if base not in BASES:
            why = f"FROM {show(base)} takes Docker, which does not answer; without it no registry is asked"
            yield Problem(path="dockerfile", why=why, fix=f"build on {' or '.join(BASES)}, or start Docker")


def build(workshop: Workshop, *, reference: str, dockerfile: Path, context: Path, archive: Path) -> None:
    """Make the bases that the Dockerfile names, unless they are there, build on them, and write the image to `archive`.

    Raises:
        LocalClusterError: a program failed; the message has the last lines of what it said.
    """
    buildah = _Buildah(workshop)
    buildah.forget_other_recipes()
    with _no_new_notes():
        # What an interrupted build left.
        buildah("rm", "--all")
        buildah("rmi", "--prune")
        for base in bases(dockerfile.read_text(encoding="utf-8")):
            _provide_base(buildah, base)
        buildah("build", "--pull-never", "--file", str(dockerfile), "--tag", reference, str(context))
        buildah("push", reference, f"docker-archive:{archive}:{reference}")
        buildah("rmi", reference)


@contextmanager
def _no_new_notes() -> Generator[None]:
    """Remove the notes that the block makes, and their folders: the machine's other programs keep theirs."""
    folders = (_NOTES, _NOTES.parent)
    before = {*_NOTES.glob("*"), *(each for each in folders if each.exists())}
    try:
        yield
    finally:
        for file in {*_NOTES.glob("blob-info-cache-*")} - before:
            file.unlink(missing_ok=True)
        for folder in (each for each in folders if each not in before):
            with suppress(OSError):
                folder.rmdir()


class _Buildah:
    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self._storage = workshop.folder / f"storage-{RECIPE}"
        self._start = ("buildah", "--root", self._storage, "--runroot", self._storage / "run")
        self._storage.mkdir(parents=True, exist_ok=True)
        settings = self._storage / "containers.conf"
        # In place of the machine's own. It makes the folder of networks also where a build has none.
        settings.write_text(f'[network]\nnetwork_config_dir = "{self._storage / "networks"}"\n', encoding="utf-8")
        self._environment = {**_ENVIRONMENT, "CONTAINERS_CONF": str(settings)}

    def __call__(self, *arguments: str) -> None:
        what = f"buildah {arguments[0]}"
        self.workshop.run(*self._start, *arguments, what=what, environment=self._environment)

    def forget_other_recipes(self) -> None:
        for storage in self.workshop.folder.glob("storage-*"):
            if storage != self._storage:
                shutil.rmtree(storage)

    def has(self, image: str) -> bool:
        return self.workshop.succeeds(*self._start, "inspect", "--type=image", image, environment=self._environment)


def _provide_base(buildah: _Buildah, base: str) -> None:
    image = f"docker.io/library/{base}"
    if buildah.has(image):
        return
    say(f"making a base that stands for {base} from Debian's packages, about a minute")
    root = buildah.workshop.scratch / "base.tar"
    # A mount namespace of its own: what it mounts ends with it, also where it is killed.
    alone = ("unshare", "--mount", "--propagation=private")
    settings = {"TMPDIR": str(buildah.workshop.scratch)}
    command = (*alone, "mmdebstrap", *_debian_options(base), _SUITE, root)
    buildah.workshop.run(*command, what=f"making {base} by mmdebstrap", environment=settings)
    container = "base"
    buildah("from", f"--name={container}", "scratch")
    buildah("add", "--quiet", container, str(root), "/")
    shell = "python3" if base.startswith("python:") else "bash"
    buildah("config", f"--env=PATH={_PATH}", "--env=LANG=C.UTF-8", f"--cmd={shell}", container)
    buildah("commit", "--quiet", "--rm", container, image)
    root.unlink()


def _debian_options(base: str) -> Iterator[str]:
    yield "--variant=minbase"
    yield f"--include={','.join(BASES[base])}"
    yield '--aptopt=Acquire::Languages "none"'
    # What an interruption leaves half written is not used.
    yield "--dpkgopt=force-unsafe-io"
    yield f"--customize-hook={_SLIM_HOOK}"
    if base.startswith("python:"):
        yield from (f"--customize-hook={hook}" for hook in _PYTHON_HOOKS)
