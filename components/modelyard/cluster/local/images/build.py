"""Makes an image's archive: by Docker where it answers, otherwise by buildah."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from modelyard.cluster.local.engines.kind import docker_problem
from modelyard.cluster.local.folder import LocalClusterError
from modelyard.cluster.local.images import buildah, content, docker
from modelyard.cluster.local.images.dockerfile import python_version
from modelyard.cluster.local.images.sources import ImageSource
from modelyard.cluster.local.images.wheels import REQUIREMENTS, WHEELS, wheels_for
from modelyard.cluster.local.images.workshop import Workshop, archive_path, say, workshop
from modelyard.errors import Problem


def problems(source: ImageSource) -> Iterator[Problem]:
    """Why the image cannot be had on this machine. Empty where its archive is there already. Changes nothing."""
    if archive_path(source.reference).exists():
        return
    if (source.context / REQUIREMENTS).is_file() and find_spec("pip") is None:
        why = f"{REQUIREMENTS} names packages, and pip, which downloads them, is not installed beside modelyard"
        yield Problem(path="context", why=why, fix="run: python -m ensurepip, or uv pip install pip")
    if docker_problem() is not None:
        yield from buildah.problems(source.file.read_text(encoding="utf-8", errors="replace"))


def provide_archive(source: ImageSource) -> Path:
    """The image's archive, as `docker save` writes one: built now, unless it is there.

    The build sees a copy of the context with what is ignored left out and, where there is a list of requirements, a
    folder of wheels added. Nothing is written into the context itself.

    Raises:
        LocalClusterError: the build failed, or the context was changed meanwhile.
    """
    with workshop() as held:
        return held.keep(archive_path(source.reference), lambda archive: _build(held, source, archive))


def _build(held: Workshop, source: ImageSource, archive: Path) -> None:
    held.log.unlink(missing_ok=True)
    context, dockerfile = held.scratch / "context", held.scratch / "Dockerfile"
    content.copy(content.entries(source.context), context)
    dockerfile.write_bytes(source.file.read_bytes())
    _require_unchanged(source, content.tag(content.entries(context), dockerfile))
    requirements = context / REQUIREMENTS
    if requirements.is_file():
        version = python_version(dockerfile.read_text(encoding="utf-8"))
        owner = quote(source.reference.rpartition(":")[0], safe="")
        wheels = wheels_for(held, requirements, version, owner)
        content.copy(content.entries(wheels), context / WHEELS)
    builder = buildah if docker_problem() else docker
    say(f"{source.reference}: building it with {'buildah' if builder is buildah else 'Docker'}")
    builder.build(held, reference=source.reference, dockerfile=dockerfile, context=context, archive=archive)


def _require_unchanged(source: ImageSource, tag: str) -> None:
    if not source.reference.endswith(f":{tag}"):
        why = f"{source.context} was changed after the update had begun, so that {source.reference} is out of date"
        raise LocalClusterError(f"{why}; run the update again")
