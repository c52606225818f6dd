"""Dynamic resources through the offline launcher, under the real CLI."""

import json
import sys
from pathlib import Path

import pytest

from tests.support.engine import MakeProject, PulumiProject

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import pathlib

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult


class Files(ResourceProvider):
    def create(self, props):
        path = pathlib.Path(props["folder"]) / f"{props['kind']}.txt"
        if path.exists():
            raise FileExistsError(f"{path} exists")
        path.write_text(props["text"])
        return CreateResult(str(path), {**props, "size": len(props["text"])})

    def diff(self, id, olds, news):
        changed = any(olds[key] != news[key] for key in ("text", "kind"))
        return DiffResult(changes=changed, replaces=["kind"] if olds["kind"] != news["kind"] else [])

    def update(self, id, olds, news):
        pathlib.Path(id).write_text(news["text"])
        return UpdateResult({**news, "size": len(news["text"])})

    def read(self, id, props):
        path = pathlib.Path(id)
        if not path.exists():
            return ReadResult(None, {})
        return ReadResult(id, {**props, "text": path.read_text(), "size": len(path.read_text())})

    def delete(self, id, props):
        pathlib.Path(id).unlink()


class File(Resource):
    size: pulumi.Output[int]

    def __init__(self, name, text, kind):
        props = {"folder": "FOLDER", "text": text, "kind": kind, "size": None}
        super().__init__(Files(), name, props)


file = File("file", TEXT, KIND)
pulumi.export("size", file.size)
pulumi.export("id", file.id)
"""


def program(folder: Path, text: str, kind: str = "a") -> str:
    """A program with one file of `text`."""
    return PROGRAM.replace("FOLDER", str(folder)).replace("TEXT", json.dumps(text)).replace("KIND", json.dumps(kind))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The folder that the resources' files are in."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
def project(make_project: MakeProject, files: Path) -> PulumiProject:
    """A project whose file exists."""
    made = make_project(program(files, "hello"))
    assert made.up().changes == {"create": 2}
    return made


def test_lifecycle_of_a_dynamic_resource(project: PulumiProject, files: Path) -> None:
    """Create, no change, update in place, replace and delete, each seen in the world and in the outputs."""
    assert project.outputs() == {"size": 5, "id": str(files / "a.txt")}
    assert project.preview("--expect-no-changes").unchanged

    project.write(program(files, "longer text"))
    assert project.preview().ops("file") == ["update"]
    assert (files / "a.txt").read_text() == "hello"
    assert project.up().ops("file") == ["update"]
    assert (files / "a.txt").read_text() == "longer text"
    assert project.outputs()["size"] == 11

    project.write(program(files, "longer text", kind="b"))
    assert project.up().ops("file") == ["create-replacement", "replace", "delete-replaced"]
    assert [path.name for path in files.iterdir()] == ["b.txt"]

    assert project.destroy().changes == {"delete": 2}
    assert not list(files.iterdir())


def test_refresh_reads_what_changed_outside(project: PulumiProject, files: Path) -> None:
    """Refresh sees a changed file, and the next update puts it back; a file that went is made again."""
    (files / "a.txt").write_text("edited by hand")
    project.refresh()
    [read] = [resource for resource in project.resources() if resource["urn"].endswith("::file")]
    assert (read["outputs"]["size"], read["outputs"]["text"]) == (14, "edited by hand")
    assert project.up().ops("file") == ["update"]
    assert (files / "a.txt").read_text() == "hello"

    (files / "a.txt").unlink()
    project.refresh()
    assert project.up().ops("file") == ["create"]
    assert (files / "a.txt").read_text() == "hello"


def test_failed_create_is_reported_with_its_cause(make_project: MakeProject, files: Path) -> None:
    """An exception in a provider fails that resource with the exception's text."""
    (files / "a.txt").write_text("somebody else's")
    project = make_project(program(files, "hello"))
    result = project.up(fails=True)
    assert f"FileExistsError: {files / 'a.txt'} exists" in result.messages("error")
    assert (files / "a.txt").read_text() == "somebody else's"


def test_environment_of_a_main_folder(make_project: MakeProject, files: Path) -> None:
    """
    A relative `virtualenv` is looked up from the program's folder for dynamic resources, as Pulumi's own launcher does.

    That differs from where the program itself looks, so the error says what to do.
    """
    project = make_project(program(files, "hello"), settings={"main": "stacks"})
    settings = (project.folder / "Pulumi.yaml").read_text().replace(sys.prefix, "env")
    (project.folder / "Pulumi.yaml").write_text(settings)
    (project.folder / "env").symlink_to(sys.prefix)
    failed = project.up(fails=True)
    assert f"{project.folder / 'stacks' / 'env'} is not a virtual environment" in failed.text
    (project.folder / "stacks" / "env").symlink_to("../env")
    assert project.up().ops("file") == ["create"]
