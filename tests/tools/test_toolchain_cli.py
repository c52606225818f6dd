"""The commands: what a person sees where something is wrong, and the command that follows."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools.toolchain import cli

_ROOT = Path(__file__).resolve().parents[2]


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=False)


def test_old_python_is_told_what_to_do() -> None:
    answer = _python("import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_module('tools.toolchain')")
    assert answer.returncode == 1
    assert "python 3.9" in answer.stderr
    assert "make with PYTHON=python3.11" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_old_python_can_read_what_tells_it() -> None:
    for name in ("__init__.py", "__main__.py"):
        source = (_ROOT / "tools" / "toolchain" / name).read_text(encoding="utf-8")
        ast.parse(source, feature_version=(3, 4))


def test_unknown_command_shows_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["install"]) == 2
    assert cli.main(["run", "true"]) == 2
    assert "run | test | check" in capsys.readouterr().err


def test_error_is_one_message(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("platform.system", lambda: "Plan9")
    assert cli.main(["show"]) == 1
    assert capsys.readouterr().err.startswith("toolchain: error: this machine is Plan9")


def test_following_command_gets_the_environment_and_gives_its_status() -> None:
    script = "printf '%s' \"$PULUMI_SKIP_UPDATE_CHECK\"; exit 7"
    answer = _python(
        "from tools.toolchain import cli; cli._PROVIDERS['run'] = lambda *_: None; "
        f"cli.main(['run', '--', 'sh', '-c', {script!r}])"
    )
    assert (answer.returncode, answer.stdout) == (7, "true")


def test_a_stack_is_provided_for_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[tuple[str, bool]] = []

    def provide(*_: object, kind: str, gateway: bool) -> None:
        kinds.append((kind, gateway))

    monkeypatch.setattr("tools.toolchain.install.provide_for_run", provide)
    assert cli.main(["run", "--stack", "local"]) == 0
    assert cli.main(["run", "--stack", "prod-eks"]) == 0
    assert [kind for kind, _ in kinds] == ["local", "eks"]
    assert not kinds[0][1], "it has no gateway"
    assert cli.main(["test", "--stack", "local"]) == 2
