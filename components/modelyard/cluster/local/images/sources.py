"""What a stack's `images` name on this machine: found, checked, and given its reference."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelyard.cluster.local.images import content
from modelyard.cluster.local.images.wheels import REQUIREMENTS, WHEELS
from modelyard.cluster.spec import ImageBuildSpec
from modelyard.component import shown
from modelyard.errors import ConfigError, Problem, show


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """An image, and what it is built from.

    Attributes:
        reference: repository and tag.
        context: the folder that the Dockerfile's paths are in, absolute.
        dockerfile: the Dockerfile, relative to the context.
    """

    reference: str
    context: Path
    dockerfile: str

    @property
    def file(self) -> Path:
        """The Dockerfile."""
        return self.context / self.dockerfile


def find_sources(images: Mapping[str, ImageBuildSpec], path: str) -> dict[str, ImageSource]:
    """The images by repository, tagged by what their files hold now. Reads every file of every context.

    Args:
        images: what builds an image, by repository; contexts are relative to the current folder, which is where the
            stack's program stands.
        path: where `images` stands, for messages.

    Raises:
        ConfigError: with every context or Dockerfile that is missing or cannot be built.
    """
    problems: list[Problem] = []
    found: dict[str, ImageSource] = {}
    for repository, spec in images.items():
        try:
            found[repository] = _source(repository, spec)
        except ConfigError as error:
            problems += [problem.under(f"{path}.{repository}") for problem in error.problems]
    if problems:
        raise shown(problems)
    return found


def _source(repository: str, spec: ImageBuildSpec) -> ImageSource:
    context = Path(spec.context).expanduser().absolute()
    if not context.is_dir():
        fix = "name a folder, relative to where the stack's program stands"
        raise ConfigError(Problem(path="context", why=f"{show(spec.context)} is not a folder ({context})", fix=fix))
    if not (context / spec.dockerfile).is_file():
        why = f"{show(spec.dockerfile)} is not a file in {context}"
        raise ConfigError(Problem(path="dockerfile", why=why, fix="name the Dockerfile, relative to context"))
    try:
        entries = content.entries(context)
        tag = content.tag(entries, context / spec.dockerfile)
    except OSError as error:
        why = f"{error.filename} cannot be read ({error.strerror})"
        raise ConfigError(
            Problem(path="context", why=why, fix="make it readable, or list it in .dockerignore")
        ) from None
    wrong = list(_wheel_problems(context, {entry.path for entry in entries}))
    if wrong:
        raise ConfigError(wrong)
    return ImageSource(reference=f"{repository}:{tag}", context=context, dockerfile=spec.dockerfile)


def _wheel_problems(context: Path, paths: Collection[str]) -> Iterator[Problem]:
    if REQUIREMENTS not in paths:
        return
    if any(path == WHEELS or path.startswith(f"{WHEELS}/") for path in paths):
        why = f"{context} has a folder {WHEELS}, where the build puts what {REQUIREMENTS} names"
        yield Problem(path="context", why=why, fix=f"rename it, or list {WHEELS} in .dockerignore")
    lines = (context / REQUIREMENTS).read_text(encoding="utf-8", errors="replace")
    if "--hash=" not in lines and any(line.strip() and not line.startswith("#") for line in lines.splitlines()):
        why = f"{REQUIREMENTS} has no hashes, so that what is downloaded cannot be verified"
        fix = "write it by `pip-compile --generate-hashes` or `uv pip compile --generate-hashes`"
        yield Problem(path="context", why=why, fix=fix)
