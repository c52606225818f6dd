"""Configuration and secrets of programs that the offline language host runs, under the real CLI."""

import json

import pytest

from tests.support.engine import MakeProject

pytestmark = pytest.mark.engine

SECRET = "tr0ub4dor-and-3"

READS = """
import pulumi

config = pulumi.Config()
other = pulumi.Config("other")
pulumi.export("text", config.require("text"))
pulumi.export("whole", config.require_int("whole"))
pulumi.export("fraction", config.require_float("fraction"))
pulumi.export("flag", config.require_bool("flag"))
pulumi.export("object", config.require_object("object"))
pulumi.export("other", other.get("text"))
pulumi.export("absent", config.get("absent", "default"))
pulumi.export("declared", config.require("declared"))
pulumi.export("token", config.require_secret("token"))
pulumi.export("nested", config.require_secret("token").apply(lambda value: {"length": len(value)}))
print("token in the open:", config.require("token"))
"""


def test_configuration_types_and_namespaces(make_project: MakeProject) -> None:
    """Plain values arrive as they were set, in their namespace, and a declared default where nothing is set."""
    program = "\n".join(line for line in READS.splitlines() if "token" not in line)
    project = make_project(program, settings={"config": {"declared": {"type": "string", "default": "by the project"}}})
    project.set_config(
        {
            "text": "Ünïcode 'and' \"quotes\" $HOME",
            "whole": "7",
            "fraction": "0.25",
            "flag": "false",
            "object": json.dumps({"a": [1, {"b": True}]}),
            "other:text": "of another namespace",
        }
    )
    project.up()
    assert project.outputs() == {
        "text": "Ünïcode 'and' \"quotes\" $HOME",
        "whole": 7,
        "fraction": 0.25,
        "flag": False,
        "object": {"a": [1, {"b": True}]},
        "other": "of another namespace",
        "absent": "default",
        "declared": "by the project",
    }


def test_a_secret_is_never_shown_in_clear(make_project: MakeProject) -> None:
    """A secret from the configuration is masked in the CLI's output, even printed, and encrypted in the state."""
    project = make_project(READS, settings={"config": {"declared": {"type": "string", "default": "d"}}})
    project.set_config({"text": "t", "whole": "1", "fraction": "1", "flag": "true", "object": "{}"}, {"token": SECRET})
    results = [project.preview(), project.up(), project.refresh()]
    assert "token in the open: [secret]" in results[1].text
    for result in results:
        assert SECRET not in result.text
        assert SECRET not in json.dumps(result.events)
    assert SECRET not in json.dumps(project.export())
    assert project.outputs()["token"] == "[secret]"
    shown = project.outputs(show_secrets=True)
    assert (shown["token"], shown["nested"]) == (SECRET, {"length": len(SECRET)})


def test_the_sdk_knows_which_keys_are_secret(make_project: MakeProject) -> None:
    """The host passes on which keys of the configuration are secret."""
    project = make_project(
        "import pulumi\nfrom pulumi.runtime.config import is_config_secret\n"
        "pulumi.export('secret', [is_config_secret('proj:token'), is_config_secret('proj:text')])\n"
    )
    project.set_config({"text": "plain"}, {"token": SECRET})
    project.up()
    assert project.outputs() == {"secret": [True, False]}


def test_large_configuration(make_project: MakeProject) -> None:
    """A stack block of 100 kB arrives whole."""
    block = {"items": [f"item {i} " + "x" * 90 for i in range(1000)]}
    project = make_project(
        "import pulumi\nvalue = pulumi.Config().require_object('block')\npulumi.export('size', len(str(value)))\n"
    )
    (project.folder / "Pulumi.test.yaml").write_text(
        (project.folder / "Pulumi.test.yaml").read_text() + "config:\n  proj:block: " + json.dumps(json.dumps(block))
    )
    project.up()
    assert project.outputs() == {"size": len(str(block))}
