"""Versions that stand in more than one file agree."""

import re
import tomllib
from ipaddress import IPv4Network
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import yaml

from modelyard.cluster.local.engines.host import addons, network
from modelyard.cluster.local.engines.host.machine import Addresses, Machine
from modelyard.cluster.local.folder import Record
from tools.toolchain import lockfile, pins, places
from tools.toolchain.errors import ToolchainError
from tools.toolchain.pins import (
    ALL_TOOLS,
    COREDNS,
    ETCD,
    KUBERNETES,
    KWOK,
    MIN_GO,
    PAUSE,
    PULUMI,
    TRAEFIK,
    GoTool,
)

_PROJECT = Path(__file__).resolve().parents[2]
_MODULES = _PROJECT / "tools" / "toolchain" / "go"
_GO_TOOLS = [tool for tool in ALL_TOOLS if isinstance(tool, GoTool)]
_FOREIGN = [tool for tool in _GO_TOOLS if tool not in (COREDNS, PAUSE)]


def _go_mod(tool: GoTool) -> str:
    return (_MODULES / tool.module / "go.mod").read_text(encoding="utf-8")


def _built_from(module: str) -> set[str]:
    return {package for tool in _GO_TOOLS if tool.module == module for package in tool.packages}


@pytest.mark.parametrize("tool", _FOREIGN, ids=lambda tool: tool.name)
def test_module_has_the_pinned_version_and_builds_the_named_packages(tool: GoTool) -> None:
    text = _go_mod(tool)
    module = tool.packages[0].split("/cmd/")[0]
    assert re.search(rf"^\s+{re.escape(module)} v{re.escape(tool.version)} //", text, re.MULTILINE)
    assert set(re.findall(r"^(?:tool |\t)([^\s()]+)$", text, re.MULTILINE)) == _built_from(tool.module)
    assert f"{module} v{tool.version} h1:" in (_MODULES / tool.module / "go.sum").read_text(encoding="utf-8")


def test_coredns_of_our_own_main_has_the_pinned_version() -> None:
    text = _go_mod(COREDNS)
    assert re.search(rf"^require github\.com/coredns/coredns v{re.escape(COREDNS.version)}$", text, re.MULTILINE)
    assert text.startswith(f"module {COREDNS.packages[0]}\n")


def _corefile_plugins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The plugins that the Corefile of a local cluster names: the first words at its outermost indentation."""

    def kubeconfig(*_: object) -> str:
        return "kubeconfig"

    monkeypatch.setattr(addons, "_kubeconfig", kubeconfig)
    monkeypatch.setattr(network, "has_resolver", lambda: True)
    record = cast("Record", SimpleNamespace(ports={"coredns": 53}))
    addresses = Addresses(network=IPv4Network("10.200.0.0/16"))
    addons.dns(Machine(name="test", folder=folder, record=record, addresses=addresses))
    (corefile,) = folder.rglob("Corefile")
    return set(re.findall(r"^  (\w+)", corefile.read_text(encoding="utf-8"), re.MULTILINE))


def test_coredns_has_the_plugins_that_a_corefile_names_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = (_MODULES / "coredns" / "main.go").read_text(encoding="utf-8")
    imported = re.findall(r'^\t_ "github\.com/coredns/coredns/plugin/(\w+)"$', main, re.MULTILINE)
    ordered = re.search(r"dnsserver\.Directives = \[\]string\{(.*)\}", main)
    assert ordered is not None
    assert sorted(re.findall(r"\w+", ordered[1])) == imported == sorted(_corefile_plugins(tmp_path, monkeypatch))


@pytest.mark.parametrize("tool", _GO_TOOLS, ids=lambda tool: tool.name)
def test_every_file_of_ours_is_built(tool: GoTool) -> None:
    folder = _MODULES / tool.module / "stand_ins"
    assert {f"stand_ins/{file.name}" for file in folder.glob("*")} == {stand_in.file for stand_in in tool.stand_ins}
    text = _go_mod(tool)
    assert all(f"\t{stand_in.module} v" in text for stand_in in tool.stand_ins)


def test_another_source_of_ours_is_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert TRAEFIK.folder.startswith("traefik-3.5.0-")
    assert KWOK.folder == "kwok-0.7.0", "nothing of it is ours"
    monkeypatch.setattr(pins, "MODULES", tmp_path)
    source = tmp_path / "traefik" / "stand_ins" / "ecs.go"
    source.parent.mkdir(parents=True)
    seen = set[str]()
    for text in ("package ecs", "package ecs // changed"):
        source.write_text(text, encoding="utf-8")
        seen.add(TRAEFIK.folder)
    assert len(seen) == 2


@pytest.mark.parametrize("tool", _GO_TOOLS, ids=lambda tool: tool.name)
def test_packages_are_built_under_the_names_of_the_programs(tool: GoTool) -> None:
    assert [package.rsplit("/", 1)[1] for package in tool.packages] == [program.name for program in tool.programs]


@pytest.mark.parametrize("tool", _GO_TOOLS, ids=lambda tool: tool.name)
def test_module_builds_with_the_oldest_go_that_is_used(tool: GoTool) -> None:
    match = re.search(r"^go (\d+)\.(\d+)\.(\d+)", _go_mod(tool), re.MULTILINE)
    assert match is not None
    assert tuple(int(part) for part in match.groups()) <= MIN_GO


def test_kubernetes_staging_modules_have_its_version() -> None:
    minor = KUBERNETES.version.removeprefix("1.")
    replaced = re.findall(r"^replace k8s\.io/\S+ => k8s\.io/\S+ (v\S+)$", _go_mod(KUBERNETES), re.MULTILINE)
    assert len(replaced) > 25
    assert set(replaced) == {f"v0.{minor}"}


def test_kwok_starts_the_kubernetes_that_is_built() -> None:
    assert any(flag.endswith(f"KubeVersion=v{KUBERNETES.version}") for flag in KWOK.link_flags)


def test_oldest_pulumi_is_the_one_that_the_project_requires() -> None:
    project = yaml.safe_load((_PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert project["requiredPulumiVersion"] == f">={'.'.join(map(str, PULUMI.minimum))}"


def test_etcd_is_the_locked_one() -> None:
    packages = lockfile.parse((_PROJECT / "requirements.lock").read_text(encoding="utf-8"))
    assert packages[ETCD.distribution].version == ETCD.version


def test_every_group_and_extra_of_the_project_is_locked() -> None:
    project = tomllib.loads((_PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(lockfile.GROUPS) == set(project["dependency-groups"])
    assert set(lockfile.EXTRAS) == set(project["project"]["optional-dependencies"])


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/ada"}, "/home/ada/.cache"),
        ({"HOME": "/home/ada", "XDG_CACHE_HOME": "/fast"}, "/fast"),
        ({"HOME": "/home/ada", "XDG_CACHE_HOME": "relative"}, "/home/ada/.cache"),
    ],
)
def test_cache_is_the_users(environ: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert places.find_places(environ).cache == Path(expected) / "modelyard" / "toolchain" / "darwin-arm64"


def test_unknown_system_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Windows")
    with pytest.raises(ToolchainError, match="inside WSL"):
        places.find_places({})
