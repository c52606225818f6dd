"""What a user of the CLI sees: the real engine on a simulated project."""

from pathlib import Path

import pytest

from tests.support.control_plane import ApiServer
from tests.support.engine import MakeProject
from tests.support.gke_world import GkeWorld
from tests.tools.gcp.programs import KUBERNETES, program

pytestmark = pytest.mark.engine


def test_a_cluster_goes_up_changes_and_leaves_nothing(
    make_project: MakeProject, api_server: ApiServer, tmp_path: Path
) -> None:
    world = GkeWorld(tmp_path / "world")
    environment = world.environment(api_server.kubeconfig)
    project = make_project(program(more=KUBERNETES), environment=environment)
    preview = project.preview()
    assert "simulated account" in preview.messages("info")
    assert world.left() == [], "a preview makes nothing"
    project.up()
    assert world.one("Cluster").get("masterVersion").startswith("1.34")
    assert world.one("NodePool").notes["size"] == 2
    assert world.one("Bucket").get("effectiveLabels.owner") == "test"
    assert project.preview("--expect-no-changes").unchanged
    refreshed = project.refresh()
    assert refreshed.changes.keys() <= {"same", "refresh"}, refreshed.summary
    assert project.up().unchanged, "a refresh makes no difference"

    project.write(program(version="1.35", disk=60, more=KUBERNETES))
    changed = project.up()
    assert changed.ops("small") == ["update"]
    assert changed.ops("system") == ["update"]
    assert world.one("Cluster").get("masterVersion").startswith("1.35")
    assert project.up().unchanged

    world.change("NodePool", "nodeConfig.labels", {"pool": "other"})
    assert project.refresh().changes.get("update") == 1
    assert project.up().ops("system") == ["update"]
    assert world.one("NodePool").get("nodeConfig.labels") == {"pool": "system"}

    project.destroy()
    assert world.left() == []
