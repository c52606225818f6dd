"""What a user sees of a program that the offline language host runs: output, errors and results, under the real CLI."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import MakeProject, PulumiProject, write_project
from tests.support.processes import wait_until

pytestmark = pytest.mark.engine

HOST_CODE = ("tools/offline", "runpy", "<frozen", "asyncio", "run_in_stack")
"""What a user's traceback must not name."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulumiProject]:
    """One project for the tests that only preview and so change nothing in it."""
    base = tmp_path_factory.mktemp("shared")
    write_project(base / "program", "", virtualenv=sys.prefix)
    project = PulumiProject(base / "program", base / "scratch")
    yield project
    project.close()


def assert_no_host_frames(text: str) -> None:
    """Fail where `text` has a traceback frame that is not the user's."""
    frames = [line for line in text.splitlines() if line.strip().startswith('File "')]
    assert not [frame for frame in frames if any(part in frame for part in HOST_CODE)], text


def test_printed_lines_come_in_order(shared: PulumiProject) -> None:
    """Every printed line is shown once, in order, standard output and errors as such."""
    shared.write(
        'import sys\nfor i in range(40):\n    print(f"line {i}")\nprint("no newline at the end", end="")\n'
        'print("a complaint", file=sys.stderr)\n'
    )
    result = shared.preview()
    printed = [line for line in result.messages("info").splitlines() if line]
    assert printed == [*(f"line {i}" for i in range(40)), "no newline at the end"]
    assert "a complaint" in result.messages("info#err")
    assert result.text.index("line 1\n") < result.text.index("line 2\n")


def test_printed_lines_come_as_they_happen(make_project: MakeProject) -> None:
    """A line is shown while the program still runs, not when it ends."""
    project = make_project(
        'import pathlib, time\nprint("waiting")\nwhile not pathlib.Path("go").exists():\n    time.sleep(0.05)\n'
        'print("went")\n'
    )
    running = project.start("preview")
    running.wait_for("waiting")
    assert "went" not in running.text
    (project.folder / "go").touch()
    assert running.wait().exit_code == 0
    assert "went" in running.text


def test_log_severities(shared: PulumiProject) -> None:
    """`pulumi.log` keeps its severities; debug messages are not shown."""
    shared.write(
        'import pulumi\npulumi.log.debug("a-debug")\npulumi.log.info("an-info")\npulumi.log.warn("a-warning")\n'
        'pulumi.log.error("an-error")\n'
    )
    result = shared.preview()
    found = {each.message.strip(): each.severity for each in result.diagnostics}
    assert (found["an-info"], found["a-warning"], found["an-error"]) == ("info", "warning", "error")
    assert "a-debug" not in result.text


def test_stand_in_announces_itself_on_every_run(make_project: MakeProject) -> None:
    """Preview and update both say that the host is not Pulumi's own."""
    project = make_project("")
    for result in (project.preview(), project.up()):
        assert result.messages("info#err").count("language host is a stand-in (tools/offline)") == 1


def test_uncaught_exception_shows_a_traceback_of_user_code(shared: PulumiProject) -> None:
    """The traceback begins in the program, for the cause as well, and the run says nothing more."""
    shared.write(
        "def inner():\n    raise ValueError('inner trouble')\n\n"
        "def outer():\n    try:\n        inner()\n    except ValueError as error:\n"
        "        raise RuntimeError('outer trouble') from error\n\nouter()\n"
    )
    result = shared.preview(fails=True)
    error = result.messages("error")
    assert error.startswith("Program failed with an unhandled exception:\nTraceback (most recent call last):\n")
    assert "in inner\n    raise ValueError('inner trouble')" in error
    assert "The above exception was the direct cause" in error
    assert error.rstrip().endswith("RuntimeError: outer trouble")
    assert_no_host_frames(result.text)
    assert "an unhandled error occurred" not in result.text


def test_exception_in_apply_shows_user_code(make_project: MakeProject) -> None:
    """An error inside an output's callback leads to the user's line, in up as in preview."""
    project = make_project("import pulumi\npulumi.Output.from_input(1).apply(lambda value: value / 0)\n")
    for result in (project.preview(fails=True), project.up(fails=True)):
        assert "in <lambda>" in result.messages("error")
        assert "ZeroDivisionError: division by zero" in result.messages("error")
        assert_no_host_frames(result.messages("error").split("in <lambda>")[0])


def test_error_that_the_sdk_finds_shows_the_users_line(shared: PulumiProject) -> None:
    """A mistake in a call of the SDK shows who called, then the SDK's frames."""
    shared.write("import pulumi\npulumi.ComponentResource(3, 'name')\n")
    error = shared.preview(fails=True).messages("error")
    first, *later = [line for line in error.splitlines() if line.startswith('  File "')]
    assert 'program/__main__.py", line 2, in <module>' in first
    assert all("pulumi" in frame for frame in later)
    assert later


def test_run_error_is_shown_as_its_message(shared: PulumiProject) -> None:
    """`pulumi.RunError` is for users: no traceback."""
    shared.write("import pulumi\nraise pulumi.RunError('pool l4 is unknown; use one of: cpu')\n")
    result = shared.preview(fails=True)
    assert "pool l4 is unknown; use one of: cpu" in result.messages("error")
    assert "Traceback" not in result.text


def test_syntax_error_shows_the_line_only(shared: PulumiProject) -> None:
    """A program that cannot be compiled is shown with its line and no frames at all."""
    shared.write("x = 1\nif x\n    pass\n")
    result = shared.preview(fails=True)
    error = result.messages("error")
    assert 'program/__main__.py", line 2' in error
    assert "SyntaxError: expected ':'" in error
    assert_no_host_frames(result.text)


def test_missing_module_shows_the_import(shared: PulumiProject) -> None:
    """A dependency that is not installed shows the import that wants it."""
    shared.write("import no_such_package\n")
    result = shared.preview(fails=True)
    assert "import no_such_package" in result.messages("error")
    assert "ModuleNotFoundError: No module named 'no_such_package'" in result.messages("error")
    assert_no_host_frames(result.text)


@pytest.mark.parametrize(("code", "fails"), [("0", False), ("3", True)])
def test_exit_code_of_the_program(shared: PulumiProject, code: str, fails: bool) -> None:
    """`sys.exit(0)` succeeds and `sys.exit(3)` fails with that number."""
    shared.write(f"import sys\nsys.exit({code})\n")
    result = shared.preview(fails=fails)
    assert ("program exited with non-zero exit code: 3" in result.text) == fails


def test_exit_with_a_message(shared: PulumiProject) -> None:
    """`sys.exit("text")` shows the text and fails."""
    shared.write('import sys\nsys.exit("no such environment")\n')
    assert "no such environment" in shared.preview(fails=True).messages("info#err")


def test_killed_program_is_an_error(shared: PulumiProject) -> None:
    """A program that dies of a signal fails the run with its name."""
    shared.write("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert "program was ended by signal SIGKILL" in shared.preview(fails=True).text


def test_folder_without_program(make_project: MakeProject) -> None:
    """A main folder without `__main__.py` is named."""
    project = make_project("", settings={"main": "stacks"})
    (project.folder / "stacks" / "__main__.py").unlink()
    result = project.preview(fails=True)
    assert "unable to find main python program `__main__.py`" in result.text
    assert "Traceback" not in result.text


def test_duplicate_name_is_reported_by_the_engine(make_project: MakeProject) -> None:
    """An error of a registration names the resource; the update fails."""
    project = make_project(
        "import pulumi\nfor _ in range(2):\n    pulumi.ComponentResource('test:index:Thing', 'same')\n"
    )
    result = project.up(fails=True)
    assert "Duplicate resource URN 'urn:pulumi:test::proj::test:index:Thing::same'" in result.text


def test_outputs_nobody_awaits_are_finished(shared: PulumiProject) -> None:
    """The program ends only when its outputs have, also those that nothing waits for."""
    shared.write(
        "import asyncio, pulumi\n\nasync def later():\n    await asyncio.sleep(0.5)\n    return 'late value'\n\n"
        "pulumi.Output.from_input(later()).apply(print)\n"
    )
    assert "late value" in shared.preview().messages("info")


def test_async_entry_point(make_project: MakeProject) -> None:
    """`pulumi.run` awaits its function and exports what that returns."""
    project = make_project(
        "import asyncio, pulumi\n\nasync def main():\n    await asyncio.sleep(0.01)\n    return {'answer': 42}\n\n"
        "pulumi.run(main)\n"
    )
    project.up()
    assert project.outputs() == {"answer": 42}


FACTS = """
import json, os, pathlib, sys
import pulumi
import sibling

facts = {
    "cwd": os.getcwd(),
    "argv": sys.argv,
    "prefix": sys.prefix,
    "path_first": os.environ["PATH"].split(os.pathsep)[0],
    "virtual_env": os.environ.get("VIRTUAL_ENV"),
    "sibling": sibling.VALUE,
    "name": __name__,
    "project": pulumi.get_project(),
    "stack": pulumi.get_stack(),
    "organization": pulumi.get_organization(),
    "root": pulumi.runtime.get_root_directory(),
    "dry_run": pulumi.runtime.is_dry_run(),
    "parallel": pulumi.runtime.settings.SETTINGS.parallel,
    "stdin": sys.stdin.read(),
    "strangers": [name for name in sys.modules if name.split(".")[0] in ("tools", "lifeline", "program")],
    "module_path": [entry for entry in sys.path if "offline" in entry],
}
pathlib.Path("facts.json").write_text(json.dumps(facts))
"""


def run_for_facts(project: PulumiProject, operation: str) -> dict[str, object]:
    """What the program saw, from the file it wrote."""
    (project.main / "sibling.py").write_text("VALUE = 'found'\n")
    getattr(project, operation)("--parallel", "7")
    return json.loads((project.main / "facts.json").read_text())


def test_surroundings_of_a_program(make_project: MakeProject) -> None:
    """Working folder, module path, environment, interpreter and run settings are those that Pulumi's own host gives."""
    project = make_project(FACTS, settings={"main": "stacks"})
    expected = {
        "cwd": str(project.folder / "stacks"),
        "argv": ["."],
        "prefix": sys.prefix,
        "path_first": str(Path(sys.prefix) / "bin"),
        "virtual_env": sys.prefix,
        "sibling": "found",
        "name": "__main__",
        "project": "proj",
        "stack": "test",
        "organization": "organization",
        "root": str(project.folder),
        "dry_run": True,
        "parallel": 7,
        "stdin": "",
        "strangers": [],
        "module_path": [],
    }
    assert run_for_facts(project, "preview") == expected
    assert run_for_facts(project, "up") == {**expected, "dry_run": False}


def test_relative_virtual_environment_starts_at_the_projects_root(make_project: MakeProject) -> None:
    """`virtualenv: env` is the folder beside Pulumi.yaml, whatever `main` is."""
    project = make_project("import sys\nprint(sys.prefix)\n", settings={"main": "stacks"})
    settings = (project.folder / "Pulumi.yaml").read_text().replace(sys.prefix, "env")
    (project.folder / "Pulumi.yaml").write_text(settings)
    missing = project.preview(fails=True)
    assert f"virtualenv in Pulumi.yaml is 'env', but {project.folder / 'env'} does not exist" in missing.text
    assert "Traceback" not in missing.text
    (project.folder / "env").symlink_to(sys.prefix)
    assert str(project.folder / "env") in project.preview().messages("info")


def test_lifecycle_of_a_stack(make_project: MakeProject) -> None:
    """Up, unchanged preview, refresh, a program run for refresh and destroy, outputs of several types."""
    project = make_project(
        "import pulumi\nprint('program runs')\ncomponent = pulumi.ComponentResource('test:index:Thing', 'thing')\n"
        "pulumi.export('text', 'a')\npulumi.export('number', 1.5)\npulumi.export('list', [1, {'b': None}])\n"
        "pulumi.export('urn', component.urn)\n"
    )
    assert project.up().changes == {"create": 2}
    assert project.outputs() == {
        "text": "a",
        "number": 1.5,
        "list": [1, {"b": None}],
        "urn": "urn:pulumi:test::proj::test:index:Thing::thing",
    }
    assert project.preview("--expect-no-changes").unchanged
    assert "program runs" not in project.refresh().text
    assert "program runs" in project.refresh("--run-program").text
    assert "program runs" in project.destroy("--run-program").text
    assert project.resources() == []


def test_state_does_not_leak_between_the_runs_of_one_command(make_project: MakeProject) -> None:
    """`up` with its preview runs the program twice, each time in a process that knows nothing of the other."""
    project = make_project("import builtins\nprint('ran', hasattr(builtins, 'mark'))\nbuiltins.mark = True\n")
    result = project.start("up", "--yes").wait()
    assert result.exit_code == 0, result.text
    assert result.text.count("Diagnostics:") == 2
    assert "ran False" in result.text
    assert "ran True" not in result.text


def test_about_names_the_interpreter(shared: PulumiProject) -> None:
    """`pulumi about` shows the Python of the project, and whose host it asked."""
    about = shared.run("about").stdout
    assert f"executable='{Path(sys.prefix) / 'bin' / 'python'}'" in about
    assert "host='tools/offline'" in about


def test_what_the_host_cannot_do_it_refuses(shared: PulumiProject) -> None:
    """`pulumi install` is told in words that environments are made elsewhere."""
    refused = shared.run("install", fails=True)
    assert "language host (tools/offline) cannot do InstallDependencies" in refused.text
    assert "Traceback" not in refused.text


def test_option_that_the_host_cannot_follow(make_project: MakeProject) -> None:
    """An option that would be ignored is an error instead."""
    options = {"virtualenv": sys.prefix, "typechecker": "mypy"}
    project = make_project("", settings={"runtime": {"name": "python", "options": options}})
    assert "the offline language host runs no type checker" in project.preview(fails=True).text


def test_nothing_is_left_running(make_project: MakeProject) -> None:
    """When the CLI has ended, so have host and program."""
    project = make_project("import subprocess\nsubprocess.run(['true'], check=True)\n")
    project.up()
    wait_until(lambda: not project.processes(), "no process of the project", timeout_seconds=5)
