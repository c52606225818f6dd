import pulumi
import pytest

from modelyard.errors import ConfigError
from modelyard.kube.images import Image, is_repository
from modelyard.spec import spec, validate
from tests.support.mocks import run

DIGEST = "sha256:" + "0" * 64


@spec
class Holder:
    image: Image


@pytest.mark.parametrize(
    "image",
    [
        "python:3.12",
        "registry.example.org/team/fraud:4.2.0",
        "registry.example.org:5000/fraud:4.2.0",
        f"python@{DIGEST}",
        f"python:latest@{DIGEST}",
        f"python:3.12@{DIGEST}",
        "python:latest-slim",
    ],
)
def test_an_image_with_a_version_is_accepted(image: str) -> None:
    assert validate(Holder(image=image)).image == image


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("python", "has no tag"),
        ("registry.example.org:5000/fraud", "has no tag"),
        ("python:latest", "has the tag latest"),
        ("registry.example.org/Fraud:1", "is no image"),
        ("python:", "is no image"),
        ("python:3 .12", "is no image"),
        ("python@sha256:abc", "is no image"),
        ("https://registry.example.org/fraud:1", "is no image"),
    ],
)
def test_an_image_without_a_version_is_refused(image: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(Holder(image=image))
    (problem,) = caught.value.problems
    assert problem.path == "image"
    assert why in problem.why


def test_an_image_that_another_resource_makes_is_accepted() -> None:
    def program() -> None:
        image = pulumi.Output.from_input("registry.example.org/built:1")
        assert validate(Holder(image=image)).image is image

    run(program)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("registry.example.org/digits", True),
        ("registry.example.org:5000/team/digits", True),
        ("localhost/digits", True),
        ("registry:5000/digits", True),
        ("docker.io/acme/digits", True),
        ("registry.example.org/digits:1.0.0", False),
        (f"registry.example.org/digits@{DIGEST}", False),
        ("acme/digits", False),
        ("digits", False),
        ("registry.example.org", False),
        ("registry.example.org/", False),
        ("registry.example.org/Digits", False),
        ("", False),
    ],
)
def test_a_repository_has_its_registry_and_no_version(text: str, is_one: bool) -> None:
    assert is_repository(text) is is_one
