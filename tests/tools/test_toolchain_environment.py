"""The variables that a shell gets, what is left to the person, and the provider's download."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.tools.toolchain_fakes import FakeMachine
from tools.toolchain import plugins, refusals
from tools.toolchain.detect import look
from tools.toolchain.environment import LOCAL_PASSPHRASE, as_shell, variables
from tools.toolchain.pins import ALL_TOOLS


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def _variables(machine: FakeMachine, **environ: str) -> dict[str, str]:
    own = {**machine.environ, **environ}
    return variables(own, look(own, machine.places), machine.places)


def _before_own_path(machine: FakeMachine, added: dict[str, str]) -> list[str]:
    *folders, last = added["PATH"].split(os.pathsep)
    assert last == str(machine.programs)
    return folders


def test_bare_machine_gets_everything_of_the_checkout(machine: FakeMachine) -> None:
    built = [machine.places.programs(tool) for tool in ALL_TOOLS]
    for folder in built:
        folder.mkdir(parents=True)
    added = _variables(machine)
    assert added["PULUMI_HOME"] == str(machine.project / ".pulumi" / "home")
    assert added["PULUMI_BACKEND_URL"] == f"file://{machine.project}/.pulumi/backend"
    assert added["PULUMI_CONFIG_PASSPHRASE"] == LOCAL_PASSPHRASE
    assert (machine.project / ".pulumi" / "backend").is_dir()
    stand_ins = machine.project / "tools" / "offline" / "bin"
    assert _before_own_path(machine, added) == [
        *map(str, built),
        str(stand_ins / "host"),
        str(stand_ins / "kubernetes"),
    ]


def test_installed_pulumi_keeps_its_home_and_its_language_host(machine: FakeMachine) -> None:
    machine.pulumi()
    added = _variables(machine)
    assert "PULUMI_HOME" not in added
    assert not any(folder.endswith("/host") for folder in _before_own_path(machine, added))


def test_pulumi_that_is_logged_in_keeps_its_backend(machine: FakeMachine) -> None:
    machine.pulumi()
    login = machine.home / ".pulumi" / "credentials.json"
    login.parent.mkdir()
    login.write_text(json.dumps({"current": "https://api.pulumi.com"}), encoding="utf-8")
    assert not {"PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"} & _variables(machine).keys()
    login.write_text(json.dumps({"current": ""}), encoding="utf-8")
    assert "PULUMI_BACKEND_URL" in _variables(machine)


def test_named_backend_is_left_alone_and_gets_no_public_passphrase(machine: FakeMachine) -> None:
    added = _variables(machine, PULUMI_BACKEND_URL="s3://state")
    assert not {"PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"} & added.keys()


@pytest.mark.parametrize("name", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
def test_own_passphrase_is_left_alone(machine: FakeMachine, name: str) -> None:
    assert "PULUMI_CONFIG_PASSPHRASE" not in _variables(machine, **{name: "mine"})


def test_second_evaluation_changes_nothing(machine: FakeMachine) -> None:
    first = _variables(machine)
    second = _variables(machine, **first)
    assert {**first, **second} == first


def test_real_provider_keeps_the_stand_in_away(machine: FakeMachine) -> None:
    version = plugins.provider_version(machine.places)
    plugin = machine.project / ".pulumi" / "home" / "plugins" / f"resource-kubernetes-v{version}"
    plugin.mkdir(parents=True)
    (plugin / "pulumi-resource-kubernetes").touch()
    assert not any(folder.endswith("/kubernetes") for folder in _before_own_path(machine, _variables(machine)))
    plugin.with_name(f"{plugin.name}.partial").touch()
    assert any(folder.endswith("/kubernetes") for folder in _before_own_path(machine, _variables(machine)))


def test_shell_reads_the_lines_as_they_are_meant() -> None:
    values = {"A": "with space", "B": "$HOME `id` 'quoted'"}
    script = f'{as_shell(values)}\nprintf \'%s|%s\' "$A" "$B"'
    answer = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "|".join(values.values())


def _download(machine: FakeMachine, body: str) -> int:
    """Try the download with a fake pulumi; return how often it has been called."""
    machine.program("pulumi", f'echo "$@" >> {shlex.quote(str(machine.home))}/calls\n{body}')
    environ = {**machine.environ, "PULUMI_HOME": str(machine.home / "pulumi")}
    plugins.try_download(machine.places, environ, machine.environ["PATH"])
    calls = machine.home / "calls"
    return len(calls.read_text(encoding="utf-8").splitlines()) if calls.exists() else 0


def test_refused_provider_is_not_asked_for_again_within_the_hour(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _download(machine, "exit 1") == 1
    assert "the stand-in of tools/offline takes its place" in capsys.readouterr().err
    assert _download(machine, "exit 1") == 1
    monkeypatch.setattr(refusals, "REMEMBER_SECONDS", 0.0)
    assert _download(machine, "exit 1") == 2


def test_provider_of_the_locked_sdk_is_downloaded_once(machine: FakeMachine) -> None:
    version = plugins.provider_version(machine.places)
    folder = machine.home / "pulumi" / "plugins" / f"resource-kubernetes-v{version}"
    folder.mkdir(parents=True)
    body = f": > {shlex.quote(str(folder))}/pulumi-resource-kubernetes"
    assert _download(machine, body) == 1
    assert _download(machine, body) == 1
    assert f"plugin install resource kubernetes {version}" in (machine.home / "calls").read_text(encoding="utf-8")


def test_hanging_download_is_given_up(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "DOWNLOAD_SECONDS", 0.3)
    assert _download(machine, "exec /bin/sleep 60") == 1
    assert refusals.remembered(machine.places, f"pulumi-resource-kubernetes-{plugins.provider_version(machine.places)}")
