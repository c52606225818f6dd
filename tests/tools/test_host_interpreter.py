"""Which Python runs a program, and in what environment."""

import sys
from pathlib import Path

import pytest

from tools.offline.host.interpreter import OptionError, environment_of, find_python


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with a virtual environment `env`."""
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "python").touch()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    return tmp_path


@pytest.mark.parametrize(
    "options", [{"virtualenv": "env"}, {"virtualenv": "./env/"}, {"toolchain": "uv", "virtualenv": "env"}]
)
def test_virtual_environment_is_relative_to_the_project(project: Path, options: dict[str, object]) -> None:
    """The option names a folder beside Pulumi.yaml."""
    assert find_python(project, options) == project / "env" / "bin" / "python"


def test_absolute_virtual_environment(project: Path) -> None:
    """An absolute path stays as it is."""
    assert find_python(Path("/elsewhere"), {"virtualenv": str(project / "env")}) == project / "env" / "bin" / "python"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"virtualenv": "missing"}, "missing does not exist"),
        ({"virtualenv": "."}, "is not a virtual environment"),
        ({"virtualenv": 3}, "is 3; it must be a string"),
        ({"toolchain": "poetry", "virtualenv": "env"}, "toolchain in Pulumi.yaml is 'poetry'"),
        ({"toolchain": "uv"}, "toolchain in Pulumi.yaml is 'uv'"),
        ({"virtualenv": "env", "typechecker": "pyright"}, "typechecker in Pulumi.yaml is set"),
    ],
)
def test_options_that_cannot_be_followed(project: Path, options: dict[str, object], message: str) -> None:
    """Each is refused with the option's name."""
    with pytest.raises(OptionError, match=message):
        find_python(project, options)


def test_python_from_path(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a virtual environment PULUMI_PYTHON_CMD decides, then python3 on PATH."""
    monkeypatch.setenv("PATH", str(project / "env" / "bin"))
    for name in ("python3", "mine"):
        program = project / "env" / "bin" / name
        program.touch()
        program.chmod(0o755)
    assert find_python(project, {}).name == "python3"
    monkeypatch.setenv("PULUMI_PYTHON_CMD", "mine")
    assert find_python(project, {}).name == "mine"
    monkeypatch.setenv("PULUMI_PYTHON_CMD", "absent")
    with pytest.raises(OptionError, match="no absent on PATH"):
        find_python(project, {})


def test_environment_is_activated(project: Path) -> None:
    """A program's own commands find the environment's programs first."""
    found = environment_of(project / "env" / "bin" / "python", {"PATH": "/usr/bin", "PYTHONHOME": "/x", "KEEP": "1"})
    assert found == {"PATH": f"{project / 'env' / 'bin'}:/usr/bin", "VIRTUAL_ENV": str(project / "env"), "KEEP": "1"}


def test_environment_of_a_python_that_is_nobodys(project: Path) -> None:
    """A Python outside of virtual environments gets the environment as it is."""
    (project / "env" / "pyvenv.cfg").unlink()
    assert environment_of(project / "env" / "bin" / "python", {"PATH": sys.prefix}) == {"PATH": sys.prefix}
