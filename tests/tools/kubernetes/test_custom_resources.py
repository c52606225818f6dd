"""Custom resources: their definitions, kinds that appear during a run, immutable fields."""

import time

import pytest

from tests.tools.kubernetes.cluster import Cluster
from tests.tools.kubernetes.plugin import Plugin, PluginError
from tests.tools.kubernetes.shapes import CRD, annotated, widget, widget_crd

pytestmark = pytest.mark.engine

# The garbage collector learns new kinds only every 30 s, and a deletion in the foreground waits for it.
QUICK = {"deletionPropagationPolicy": "background"}


def test_an_object_follows_right_after_its_definition(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    group = "right-after.example.test"
    token = f"kubernetes:{group}/v1:Widget"
    defined = plugin.create(CRD, "widgets", widget_crd(group))
    red, blue = (annotated(widget(group, colour=colour), **QUICK) for colour in ("red", "blue"))
    made = plugin.create(token, "w", red)
    assert made.id.startswith(f"{namespace}/w-")
    assert not plugin.diff(made, red).changed
    assert plugin.diff(made, blue).kinds == {"spec.colour": "UPDATE"}
    updated = plugin.update(made, blue)
    assert updated.state["spec"] == {"colour": "blue"}
    plugin.delete(updated)
    plugin.delete(defined)


def test_a_second_kind_of_a_known_group_is_found(plugin: Plugin) -> None:
    group = "grows.example.test"
    kinds = [plugin.create(CRD, "widgets", widget_crd(group))]
    plugin.create(f"kubernetes:{group}/v1:Widget", "w", widget(group))
    kinds.append(plugin.create(CRD, "gadgets", widget_crd(group, kind="Gadget")))
    made = plugin.create(f"kubernetes:{group}/v1:Gadget", "g", {**widget(group, colour="red"), "kind": "Gadget"})
    assert made.state["spec"] == {"colour": "red"}
    for defined in kinds:
        plugin.delete(defined)


def test_an_object_whose_kind_is_unknown_previews_as_given(plugin: Plugin) -> None:
    properties = widget("not-there.example.test", colour="red")
    shown = plugin.create("kubernetes:not-there.example.test/v1:Widget", "w", properties, preview=True)
    assert shown.state["spec"] == {"colour": "red"}


def test_the_scope_of_a_kind_is_known_from_its_definition_in_the_same_run(plugin: Plugin) -> None:
    group = "wide.example.test"
    plugin.check(CRD, "widgets", widget_crd(group, scope="Cluster"))
    inputs = plugin.check(f"kubernetes:{group}/v1:Widget", "w", widget(group))
    assert "namespace" not in inputs["metadata"]


def test_an_immutable_field_is_refused_at_preview(plugin: Plugin) -> None:
    group = "immutable.example.test"
    token = f"kubernetes:{group}/v1:Widget"
    defined = plugin.create(CRD, "widgets", widget_crd(group))
    made = plugin.create(token, "w", annotated(widget(group, size=1), **QUICK))
    bigger = annotated(widget(group, size=2), **QUICK)
    change = plugin.diff(made, bigger)
    assert change.changed
    assert change.replaces == [], "the real provider has no table for custom resources"
    with pytest.raises(PluginError, match="size is immutable"):
        plugin.update(made, bigger, preview=True)
    plugin.delete(made)
    plugin.delete(defined)


def test_a_definition_is_replaced_as_a_whole_and_its_objects_stay(plugin: Plugin, cluster: Cluster) -> None:
    group = "grown.example.test"
    token = f"kubernetes:{group}/v1:Widget"
    defined = plugin.create(CRD, "widgets", widget_crd(group))
    made = plugin.create(token, "w", widget(group, colour="red"))
    grown = widget_crd(group)
    properties = grown["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    properties["weight"] = {"type": "integer"}
    assert not plugin.diff(defined, widget_crd(group)).changed
    defined = plugin.update(defined, grown)
    assert not plugin.diff(defined, grown).changed
    _until_accepted(plugin, token, widget(group, colour="red", weight=3))
    assert plugin.read(made) is not None
    plugin.delete(defined)
    assert plugin.read(made) is None, "an object whose kind is gone is gone"
    plugin.delete(made)


def _until_accepted(plugin: Plugin, token: str, properties: dict[str, object]) -> None:
    """The API server takes a moment to serve a changed schema."""
    for _ in range(50):
        shown = plugin.create(token, "other", properties, preview=True)
        if shown.state["spec"] == properties["spec"]:
            return
        time.sleep(0.1)
    pytest.fail("the changed schema was never served")


def test_an_object_is_waited_for_if_it_says_so(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    group = "waited.example.test"
    token = f"kubernetes:{group}/v1:Widget"
    defined = plugin.create(CRD, "widgets", widget_crd(group))
    waiting = annotated(widget(group), waitFor="jsonpath={.status.phase}=Ready")
    with pytest.raises(PluginError, match="timed out waiting to be Ready"):
        plugin.create(token, "w", waiting, timeout=1)
    assert "waiting for {.status.phase}=Ready: it selects nothing" in plugin.engine.statuses()
    plugin.delete(defined)
