"""What a stack's `images` name: found and tagged, or refused with the reason and the fix."""

from pathlib import Path

import pytest

from modelyard.cluster.local.images import content
from modelyard.cluster.local.images.sources import find_sources
from modelyard.cluster.spec import ImageBuildSpec
from modelyard.errors import ConfigError

REPOSITORY = "registry.example.org/digits"


def found(context: Path | str, dockerfile: str = "Dockerfile") -> str:
    spec = ImageBuildSpec(context=str(context), dockerfile=dockerfile)
    return find_sources({REPOSITORY: spec}, "cluster.local.images")[REPOSITORY].reference


def refused(context: Path | str, dockerfile: str = "Dockerfile") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        found(context, dockerfile)
    return [str(problem) for problem in caught.value.problems]


def test_a_context_is_relative_to_the_program(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = found(context)
    assert reference.startswith(f"{REPOSITORY}:local-")
    monkeypatch.chdir(context.parent)
    assert found("context") == reference
    monkeypatch.setenv("HOME", str(context.parent))
    assert found("~/context") == reference


def test_a_context_that_is_no_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [problem] = refused("../gone")
    assert problem.startswith(f"cluster.local.images.{REPOSITORY}.context: '../gone' is not a folder (")
    assert problem.endswith("; name a folder, relative to where the stack's program stands")


def test_a_dockerfile_that_is_missing_is_refused(context: Path) -> None:
    [problem] = refused(context, "docker/Dockerfile")
    assert f"images.{REPOSITORY}.dockerfile: 'docker/Dockerfile' is not a file in {context}" in problem


def test_a_file_that_cannot_be_read_is_named(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_file: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(context / "serve.py"))

    monkeypatch.setattr(content, "_hash_of", refuse)
    [problem] = refused(context)
    assert f".context: {context}/serve.py cannot be read (Permission denied); make it readable" in problem


def test_every_problem_is_reported(context: Path) -> None:
    images = {
        "a.org/a": ImageBuildSpec(context="gone"),
        "b.org/b": ImageBuildSpec(context=str(context), dockerfile="gone"),
        "c.org/c": ImageBuildSpec(context=str(context)),
    }
    with pytest.raises(ConfigError) as caught:
        find_sources(images, "images")
    assert [problem.path for problem in caught.value.problems] == [
        "images.a.org/a.context",
        "images.b.org/b.dockerfile",
    ]


def test_requirements_need_hashes(context: Path) -> None:
    (context / "requirements.txt").write_text("# nothing yet\n", encoding="utf-8")
    assert found(context)
    (context / "requirements.txt").write_text("six==1.16.0\n", encoding="utf-8")
    [problem] = refused(context)
    assert "requirements.txt has no hashes" in problem
    assert "--generate-hashes" in problem
    (context / "requirements.txt").write_text("six==1.16.0 --hash=sha256:00\n", encoding="utf-8")
    assert found(context)


def test_wheels_have_no_place_beside_a_folder_of_that_name(context: Path) -> None:
    (context / "wheels").mkdir()
    (context / "wheels" / "a.whl").touch()
    assert found(context), "without requirements it is a folder like any other"
    (context / "requirements.txt").touch()
    [problem] = refused(context)
    assert "has a folder wheels" in problem
    (context / ".dockerignore").write_text("wheels\n", encoding="utf-8")
    assert found(context)
