"""Virtual environments and wheels: hashes verified, made anew only when what they hold changes."""

import base64
import hashlib
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from tools.toolchain import stacks, venvs, wheels
from tools.toolchain.errors import ToolchainError
from tools.toolchain.places import Places

_PROJECT = """\
[build-system]
requires = ["tiny"]
build-backend = "tiny"

[project]
name = "modelyard"
version = "{version}"
"""
# The least that pip needs to install a project in place.
_BACKEND = """\
import zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "modelyard-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        wheel.writestr("modelyard_marker.py", "")
        wheel.writestr("modelyard-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: modelyard\\nVersion: 1\\n")
        wheel.writestr("modelyard-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("modelyard-1.dist-info/RECORD", "")
    return name
"""  # noqa: E501 - file contents
_ENVIRONMENT = venvs.Environment(folder=".venv", parts=("modelyard",), expectation="some seconds")


def _wheel(folder: Path) -> str:
    """Write the wheel `tiny`; return its SHA-256."""
    file = folder / "tiny-1.0-py3-none-any.whl"
    digest = base64.urlsafe_b64encode(hashlib.sha256(_BACKEND.encode()).digest()).rstrip(b"=").decode()
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("tiny.py", _BACKEND)
        wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        tags = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr("tiny-1.0.dist-info/WHEEL", tags)
        wheel.writestr("tiny-1.0.dist-info/RECORD", f"tiny.py,sha256={digest},{len(_BACKEND)}\n")
    return hashlib.sha256(file.read_bytes()).hexdigest()


class Checkout:
    """A project with one dependency, which comes from a folder instead of an index."""

    def __init__(self, root: Path) -> None:
        self.places = Places(project=root / "project", cache=root / "cache")
        self.wheels = root / "wheels"
        for folder in (self.places.project, self.wheels):
            folder.mkdir()
        self.environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(root),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
        }
        self.lock(_wheel(self.wheels))
        self.describe("1.0")

    def lock(self, sha256: str) -> None:
        text = f"tiny==1.0 \\\n    --hash=sha256:{sha256}\n    # via modelyard (pyproject.toml)\n"
        self.places.lock_list.write_text(text, encoding="utf-8")

    def describe(self, version: str, rest: str = "") -> None:
        text = _PROJECT.format(version=version) + rest
        (self.places.project / "pyproject.toml").write_text(text, encoding="utf-8")

    def provide(self) -> None:
        venvs.provide(_ENVIRONMENT, self.places, self.environ)

    @property
    def folder(self) -> Path:
        return self.places.project / ".venv"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_environment_is_refused_finished_and_kept(checkout: Checkout) -> None:
    """One test for all of it, since each environment that is really made takes seconds."""
    (wheel,) = checkout.wheels.iterdir()
    good = hashlib.sha256(wheel.read_bytes()).hexdigest()
    checkout.lock("0" * 64)
    with pytest.raises(ToolchainError, match="not what the project pinned"):
        checkout.provide()

    checkout.lock(good)
    checkout.provide()
    subprocess.run([checkout.folder / "bin" / "python", "-c", "import pip, tiny, modelyard_marker"], check=True)
    assert list(checkout.folder.glob("lib/python*/site-packages/__pycache__/tiny.*.pyc"))

    mark = checkout.folder / "mark"
    mark.touch()
    checkout.describe("1.0", rest="\n[tool.ruff]\nline-length = 99\n")
    checkout.provide()
    assert mark.exists(), "a linter's settings are no reason to make it anew"


def _fingerprint(checkout: Checkout) -> str:
    return venvs.fingerprint(_ENVIRONMENT, checkout.places)


def test_environment_is_made_anew_when_the_project_or_its_part_of_the_lock_changes(checkout: Checkout) -> None:
    seen = [_fingerprint(checkout)]
    checkout.describe("2.0")
    seen.append(_fingerprint(checkout))
    checkout.lock("1" * 64)
    seen.append(_fingerprint(checkout))
    assert len(set(seen)) == 3
    with checkout.places.lock_list.open("a", encoding="utf-8") as lock:
        lock.write("other==1.0 \\\n    --hash=sha256:aa\n    # via modelyard (pyproject.toml:test)\n")
    assert _fingerprint(checkout) == seen[-1]


def test_wheel_of_a_tool_is_verified(checkout: Checkout, tmp_path: Path) -> None:
    assert (wheels.unpack("tiny", checkout.places, checkout.environ, tmp_path / "a") / "tiny.py").is_file()
    checkout.lock("0" * 64)
    with pytest.raises(ToolchainError, match="not what the project pinned"):
        wheels.unpack("tiny", checkout.places, checkout.environ, tmp_path / "b")


def test_wheel_that_there_is_not_for_this_system_is_told(checkout: Checkout, tmp_path: Path) -> None:
    for wheel in checkout.wheels.iterdir():
        wheel.unlink()
    with pytest.raises(ToolchainError, match="no wheel for this system"):
        wheels.unpack("tiny", checkout.places, checkout.environ, tmp_path / "a")


def _parts(kind: str) -> tuple[str, ...]:
    return venvs.run_environment(stacks.EXTRAS.get(kind, ())).parts


def test_environment_holds_a_clouds_package_only_where_the_stack_needs_it() -> None:
    assert "modelyard:aws" in _parts("eks")
    assert not any("aws" in part for part in (*_parts("local"), *_parts("existing")))
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    assert all(extra in extras for kind in stacks.EXTRAS.values() for extra in kind)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("config:\n  modelyard:stack:\n    cluster:\n      eks:\n        region: us-east-1\n", "eks"),
        ("config:\n  modelyard:stack:\n    cluster: {eks: {region: us-east-1}}\n", "eks"),
        (
            "config:\n  modelyard:stack:\n    cluster:  # where\n      # one of\n\n      existing: {context: a}\n",
            "existing",
        ),
        ("config:\n  modelyard:stack:\n    cluster: {local: {}}\n    pools: {eks: {cpus: 1}}\n", "local"),
        ("config:\n  modelyard:stack: {}\n", "local"),
    ],
)
def test_kind_of_a_stack_is_read_from_its_file(tmp_path: Path, text: str, kind: str) -> None:
    places = Places(project=tmp_path, cache=tmp_path)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.here.yaml").write_text(text, encoding="utf-8")
    assert stacks.kind_of("organization/modelyard/here", places) == kind
    assert stacks.kind_of("elsewhere", places) == "local"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("config:\n  modelyard:stack:\n    platform:\n      gateway: {}\n", True),
        ("config:\n  modelyard:stack:\n    platform: {gateway: {hostname: a.example.org}}\n", True),
        ("config:\n  modelyard:stack:\n    platform: {queues: {}, gateway: {}}\n", True),
        ("config:\n  modelyard:stack:\n    # gateway: {}\n    platform: {queues: {}}  # no gateway: here\n", False),
        ("config:\n  modelyard:stack:\n    cluster: {local: {}}\n    workspaces: {the-gateway: {}}\n", False),
    ],
)
def test_whether_a_stack_has_a_gateway_is_read_from_its_file(tmp_path: Path, text: str, expected: bool) -> None:
    places = Places(project=tmp_path, cache=tmp_path)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.here.yaml").write_text(text, encoding="utf-8")
    assert stacks.has_gateway("organization/modelyard/here", places) is expected
    assert not stacks.has_gateway("elsewhere", places)
