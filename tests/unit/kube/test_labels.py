"""The contract of docs/adr/0002-names-labels-selectors.md: these keys and values may never change."""

from modelyard.kube.labels import labels, selector
from tests.support.mocks import run


def test_every_object_carries_these_labels() -> None:
    seen: list[dict[str, str]] = []

    def program() -> None:
        seen.append(labels("assistant", instance="chat-assistant", component="model-service", workspace="chat"))

    run(program)
    assert seen == [
        {
            "app.kubernetes.io/name": "assistant",
            "app.kubernetes.io/instance": "chat-assistant",
            "app.kubernetes.io/component": "model-service",
            "app.kubernetes.io/part-of": "chat",
            "app.kubernetes.io/managed-by": "pulumi",
            "modelyard.dev/stack": "project.test",
            "modelyard.dev/workspace": "chat",
        }
    ]


def test_what_the_platform_brings_belongs_to_no_workspace() -> None:
    seen: list[dict[str, str]] = []

    def program() -> None:
        seen.append(labels("metrics", instance="metrics", component="monitoring"))

    run(program)
    assert seen[0]["app.kubernetes.io/part-of"] == "modelyard"
    assert "modelyard.dev/workspace" not in seen[0]


def test_selectors_have_these_keys_and_no_other() -> None:
    assert selector("assistant", instance="chat-assistant", component="model-service", variant="main") == {
        "app.kubernetes.io/name": "assistant",
        "app.kubernetes.io/instance": "chat-assistant",
        "app.kubernetes.io/component": "model-service",
        "modelyard.dev/variant": "main",
    }
    assert "modelyard.dev/variant" not in selector("a", instance="w-a", component="batch-job")
