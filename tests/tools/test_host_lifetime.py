"""No process outlives its update: interruption, a crashed engine, a program that will not end."""

from pathlib import Path

import pytest

from tests.support.engine import MakeProject, PulumiProject, RunningUpdate
from tests.support.processes import wait_until

pytestmark = pytest.mark.engine

SLEEPS = 'import subprocess\nprint("asleep")\nsubprocess.run(["sleep", "600"])\n'
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    'print("asleep")\nwhile True:\n    time.sleep(1)\n'
)
SLEEPS_IN_CREATE = """
import subprocess
from pulumi.dynamic import Resource, ResourceProvider


class Slow(ResourceProvider):
    def create(self, props):
        print("asleep")
        subprocess.run(["sleep", "600"])


class Waiting(Resource):
    pass


Waiting(Slow(), "slow", {})
"""
WAITS_ON_OUTPUT = """
import asyncio
import pulumi


async def forever():
    print("asleep")
    await asyncio.sleep(600)


pulumi.Output.from_input(forever()).apply(print)
"""


def asleep(project: PulumiProject, operation: str = "up") -> RunningUpdate:
    """An update in the midst of its program or provider."""
    running = project.start(operation, *(["--yes", "--skip-preview"] if operation == "up" else []))
    running.wait_for("asleep")
    return running


def assert_nothing_runs(project: PulumiProject, timeout_seconds: float = 3) -> None:
    """Fail where a process of the project goes on."""
    wait_until(lambda: not project.processes(), f"the end of {project.processes()}", timeout_seconds)


@pytest.mark.parametrize("program", [SLEEPS, WAITS_ON_OUTPUT], ids=["in a command", "in an output"])
def test_interrupted_program_ends(make_project: MakeProject, program: str) -> None:
    """One Ctrl-C ends the program, the host and the CLI, without a traceback and before the program would be killed."""
    project = make_project(program)
    running = asleep(project)
    running.interrupt()
    result = running.wait(timeout_seconds=4.5)
    assert result.exit_code != 0
    assert "Traceback" not in result.text
    assert_nothing_runs(project)


def test_program_that_ignores_the_interruption_is_killed(make_project: MakeProject) -> None:
    """A program that will not end is killed after the host's grace of 5 s."""
    project = make_project(STUBBORN)
    running = asleep(project)
    running.interrupt()
    assert running.wait(timeout_seconds=30).exit_code != 0
    assert_nothing_runs(project)


@pytest.mark.parametrize("program", [SLEEPS, STUBBORN, SLEEPS_IN_CREATE], ids=["sleeping", "stubborn", "dynamic"])
def test_nothing_outlives_a_killed_engine(make_project: MakeProject, program: str) -> None:
    """After SIGKILL of the engine its host, program, provider and their commands end by themselves."""
    project = make_project(program)
    running = asleep(project)
    assert len(project.processes()) > 1
    running.kill()
    assert_nothing_runs(project)


def test_a_daemon_with_its_own_session_outlives_a_killed_engine(make_project: MakeProject, tmp_path: Path) -> None:
    """What a program detached on purpose is not swept away."""
    project = make_project(
        "import subprocess\nsubprocess.Popen(['sleep', '601'], start_new_session=True, stdout=subprocess.DEVNULL, "
        "stderr=subprocess.DEVNULL)\n" + SLEEPS
    )
    asleep(project).kill()
    wait_until(lambda: len(project.processes()) == 1, "only the daemon")
    assert "sleep 601" in project.processes()[0].command


def test_interrupted_dynamic_resource_ends(make_project: MakeProject) -> None:
    """Two Ctrl-C, the second of which abandons the operation under way, leave no provider behind."""
    project = make_project(SLEEPS_IN_CREATE)
    running = asleep(project)
    running.interrupt()
    running.wait_for("^C received; cancelling")
    running.interrupt()
    assert running.wait(timeout_seconds=30).exit_code != 0
    assert_nothing_runs(project)


def test_host_outlives_a_program_that_was_killed(make_project: MakeProject) -> None:
    """An update that follows a killed engine works: nothing of the former one is in its way but the lock."""
    project = make_project(SLEEPS)
    asleep(project).kill()
    project.write("print('well')\n")
    project.run("cancel", "--yes")
    assert "well" in project.up().text
