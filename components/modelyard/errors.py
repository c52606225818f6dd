"""The one error that users of modelyard meet: a configuration that cannot work, with path, value, reason and fix."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong in a configuration.

    Attributes:
        path: where, as keys joined by dots: `workspaces.chat.services.assistant.gpus`. Empty for the whole.
        why: what is wrong, with the value: `3 does not divide a node of 8`.
        fix: what to do about it: `use 1, 2, 4 or 8`.
    """

    path: str = ""
    why: str
    fix: str

    def under(self, prefix: str) -> "Problem":
        """The same problem seen from further out."""
        return replace(self, path=join_path(prefix, self.path))

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.why}; {self.fix}"


class ConfigError(ValueError):
    """A configuration is refused before anything is registered.

    `problems` holds every problem that was found, not only the first; `str()` gives one line for each.
    """

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def join_path(prefix: str, path: str) -> str:
    """`a` and `b` make `a.b`; `a` and `[0].b` make `a[0].b`."""
    if not prefix or not path:
        return prefix or path
    return prefix + path if path.startswith("[") else f"{prefix}.{path}"


def show(value: object) -> str:
    """A value as it may stand in an error: short, and text in quotes so that `"2"` is not taken for 2."""
    return shorten(repr(value))


def shorten(text: str) -> str:
    """Text as it may stand in an error, without its end where it is long."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
