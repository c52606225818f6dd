"""Which engine `auto` takes, and why."""

import time

import pytest

from modelyard.cluster.local.engines import kind
from modelyard.cluster.local.engines.choice import choose
from modelyard.cluster.local.folder import Record, cluster_folder, write_record
from tests.unit.cluster.local.conftest import MakeProgram

ANSWERING = 'test "$1" = version && echo 28.2.2'
SILENT = "echo 'Cannot connect to the Docker daemon' >&2; exit 1"


def test_kind_where_it_is_installed_and_docker_answers(program: MakeProgram) -> None:
    program("docker", ANSWERING)
    program("kind", "exit 0")
    choice = choose("stack", "auto", "1.35")
    assert (choice.engine, choice.why) == ("kind", "engine kind, as Docker answers")


def test_kwok_without_kind(program: MakeProgram) -> None:
    program("docker", ANSWERING)
    choice = choose("stack", "auto", "1.35")
    assert choice.engine == "kwok"
    assert "kind is not on PATH" in choice.why
    assert "no container runs" in choice.why


@pytest.mark.parametrize(
    ("docker", "why"),
    [(None, "docker is not on PATH"), (SILENT, "Docker's daemon does not answer"), ("exit 0", "does not answer")],
)
def test_kwok_where_docker_does_not_answer(program: MakeProgram, docker: str | None, why: str) -> None:
    program("kind", "exit 0")
    if docker:
        program("docker", docker)
    choice = choose("stack", "auto", "1.35")
    assert choice.engine == "kwok"
    assert why in choice.why


def test_docker_that_hangs_is_not_waited_for(program: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    program("kind", "exit 0")
    program("docker", "exec sleep 60")
    monkeypatch.setattr(kind, "_ANSWER_SECONDS", 0.3)
    started = time.monotonic()
    assert choose("stack", "auto", "1.35").engine == "kwok"
    assert time.monotonic() - started < 10


def test_auto_keeps_the_engine_of_the_stacks_cluster(program: MakeProgram) -> None:
    program("docker", ANSWERING)
    program("kind", "exit 0")
    folder = cluster_folder("stack-kwok-1-35")
    folder.mkdir(parents=True)
    write_record(folder, Record(engine="kwok", kubernetes_version="1.35"))
    choice = choose("stack", "auto", "1.35")
    assert (choice.engine, choice.why) == ("kwok", "engine kwok, which the stack's cluster was made with")
    assert choose("another", "auto", "1.35").engine == "kind"


def test_an_engine_that_is_asked_for_is_taken_without_a_look_around(program: MakeProgram) -> None:
    program("docker", 'touch "$0.asked"')
    folder = cluster_folder("stack-kwok-1-35")
    folder.mkdir(parents=True)
    write_record(folder, Record(engine="kwok", kubernetes_version="1.35"))
    assert choose("stack", "kind", "1.35").engine == "kind"
    assert not program("docker", "").with_name("docker.asked").exists()
