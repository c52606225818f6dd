"""`.dockerignore`: https://docs.docker.com/build/concepts/context/#dockerignore-files"""

import posixpath
import re
from collections.abc import Callable, Iterable

from modelyard.errors import ConfigError, Problem, show

IGNORE_FILE = ".dockerignore"


def ignored_by(lines: Iterable[str]) -> Callable[[str], bool]:
    """What tells whether a path is left out of a build.

    A pattern also leaves out what is below a folder that it matches. Of several patterns that match, the last decides.

    Args:
        lines: the file's patterns, without comments; empty ones do not count.

    Raises:
        ConfigError: a line is no pattern.
    """
    rules = [_rule(line.strip()) for line in lines if line.strip()]

    def is_ignored(path: str) -> bool:
        decisions = [out for out, pattern in rules if pattern.fullmatch(path)]
        return bool(decisions) and decisions[-1]

    return is_ignored


def _rule(line: str) -> tuple[bool, re.Pattern[str]]:
    """Whether what matches is left out, and what matches."""
    glob = posixpath.normpath(line.removeprefix("!").strip()).strip("/")
    try:
        return not line.startswith("!"), re.compile(f"{_expression(glob)}(?:/.*)?", re.DOTALL)
    except re.error:
        raise ConfigError(Problem(why=f"{show(line)} in {IGNORE_FILE} is no pattern", fix="correct the line")) from None


# In the order in which they are tried. https://pkg.go.dev/path/filepath#Match, and `**` for any number of folders.
_PARTS = re.compile(
    r"(?P<folders>\*\*/)|(?P<all>\*\*)|(?P<any>\*)|(?P<one>\?)|(?P<set>\[\^?[^\]]+\])|\\(?P<escaped>.)|(?P<plain>.)"
)


def _expression(glob: str) -> str:
    return "".join(_translated(part) for part in _PARTS.finditer(glob))


def _translated(part: re.Match[str]) -> str:
    match part.lastgroup:
        case "folders":
            return "(?:.*/)?"
        case "all":
            return ".*"
        case "any":
            return "[^/]*"
        case "one":
            return "[^/]"
        case "set":
            return part[0]
        case _:
            return re.escape(part["escaped"] or part[0])
