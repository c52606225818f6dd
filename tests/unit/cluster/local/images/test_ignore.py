"""Patterns of `.dockerignore`, as Docker documents them."""

import pytest

from modelyard.cluster.local.images.ignore import ignored_by
from modelyard.errors import ConfigError


@pytest.mark.parametrize(
    ("pattern", "path", "ignored"),
    [
        ("build", "build", True),
        ("build", "build/a/b", True),
        ("build", "src/build", False),
        ("/build/", "build/a", True),
        ("./build", "build", True),
        ("build", "builds", False),
        ("*.pyc", "a.pyc", True),
        ("*.pyc", "src/a.pyc", False),
        ("*/*.pyc", "src/a.pyc", True),
        ("*/*.pyc", "src/deep/a.pyc", False),
        ("**/*.pyc", "a.pyc", True),
        ("**/*.pyc", "src/deep/a.pyc", True),
        ("**/tests", "src/tests/a.py", True),
        ("docs/**", "docs/a/b", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[a-c].py", "b.py", True),
        ("[^a-c].py", "b.py", False),
        (r"\[a]", "[a]", True),
        ("a.b", "axb", False),
        ("", "anything", False),
        (" build ", "build", True),
        (".", "a", False),
    ],
)
def test_pattern(pattern: str, path: str, ignored: bool) -> None:
    assert ignored_by([pattern])(path) is ignored


def test_what_is_no_pattern_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'\[z-a\]' in \.dockerignore is no pattern; correct the line"):
        ignored_by(["a", "[z-a]"])


def test_of_several_patterns_the_last_decides() -> None:
    is_ignored = ignored_by(["*.md", "!README*.md", "README-secret.md"])
    assert [is_ignored(path) for path in ("a.md", "README.md", "README-secret.md")] == [True, False, True]
