"""What a user's type checker says of programs that use the library: pyright, strict, once over both folders.

`accepts/` has no error. In `rejects/` every line that ends with `# error: RULE, RULE…` has exactly these, and no other
line has any.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import modelyard

HERE = Path(__file__).resolve().parent
_EXPECTED = re.compile(r"# error: (?P<rules>\w+(?:, \w+)*)$")

Found = set[tuple[str, int, str]]
"""File, line from 1, and rule."""


@pytest.fixture(scope="module")
def found() -> Found:
    """Every error that pyright reports."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(HERE)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    checked = len(list(HERE.glob("*cepts/*.py"))) + len(list(HERE.glob("rejects/*.py")))
    assert report["summary"]["filesAnalyzed"] >= checked
    return {
        (str(Path(each["file"]).relative_to(HERE)), each["range"]["start"]["line"] + 1, each.get("rule", "syntax"))
        for each in report["generalDiagnostics"]
        if each["severity"] in ("error", "warning")
    }


def expected() -> Found:
    """Every error that the files announce."""
    return {
        (str(path.relative_to(HERE)), number, rule)
        for path in HERE.glob("rejects/*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (match := _EXPECTED.search(line))
        for rule in match["rules"].split(", ")
    }


# Pyright reads all of pulumi_kubernetes.
@pytest.mark.timeout(300)
def test_a_users_programs_get_exactly_the_announced_errors(found: Found) -> None:
    assert len(expected()) > 30
    assert found == expected()


def test_every_public_name_is_in_a_program_that_is_accepted() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("accepts/*.py"))
    assert [name for name in modelyard.__all__ if not re.search(rf"\b{name}\b", text)] == []
