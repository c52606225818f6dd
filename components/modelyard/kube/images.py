"""Container images, pinned. Imports no Pulumi package."""

import re
from typing import TYPE_CHECKING, Annotated

from modelyard.errors import show
from modelyard.spec import Rule, Text

# The reference grammar: https://github.com/distribution/reference/blob/main/reference.go
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<repository>(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_REGISTRY = re.compile(r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:))(?::[0-9]+)?", re.ASCII)


def is_repository(text: str) -> bool:
    """Whether `text` is an image's registry and path, without tag or digest."""
    registry, slash, _ = text.partition("/")
    return bool(slash and _REGISTRY.fullmatch(registry) and repository_of(text) == text and _REFERENCE.fullmatch(text))


def _check_image(image: str) -> tuple[str, str] | None:
    if not isinstance(image, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # an Output: known only later
        return None
    parts = _REFERENCE.fullmatch(image)
    if not parts:
        return f"{show(image)} is no image", "write registry/name:tag or registry/name@sha256:digest"
    if parts["digest"] or parts["tag"] not in (None, "latest"):
        return None
    wrong = "has the tag latest" if parts["tag"] else "has no tag, which means latest"
    return f"{show(image)} {wrong}", "name a version, as pods of one workload would run different images"


if TYPE_CHECKING:
    Image = Text
    """An image with a tag other than `latest`, or with a digest."""
else:
    Image = Annotated[Text, Rule(_check_image)]


def repository_of(image: str) -> str:
    """The image without tag and digest: `registry.example.org/digits` of `registry.example.org/digits:1.0.0`."""
    parts = _REFERENCE.fullmatch(image)
    return parts["repository"] if parts else image
