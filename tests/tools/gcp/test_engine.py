"""What a user of the CLI sees: the real engine on a simulated project."""

from pathlib import Path

import pytest

from tests.support.control_plane import ApiServer
from tests.support.engine import MakeProject
from tests.support.gke_world import GkeWorld
from tests.tools.cloud_project import made_project
from tests.tools.gcp.programs import KUBERNETES, program

pytestmark = pytest.mark.engine


def test_a_cluster_goes_up_changes_and_leaves_nothing(
    make_project: MakeProject, api_server: ApiServer, tmp_path: Path
) -> None:
    world = GkeWorld(tmp_path / "world")
    with made_project(make_project, program(more=KUBERNETES), world, api_server) as project:
        assert world.one("Cluster").get("masterVersion").startswith("1.34")
        assert world.one("NodePool").notes["size"] == 2
        assert world.one("Bucket").get("effectiveLabels.owner") == "test"

        project.write(program(version="1.35", disk=60, more=KUBERNETES))
        changed = project.up()
        assert changed.ops("small") == ["update"]
        assert changed.ops("system") == ["update"]
        assert world.one("Cluster").get("masterVersion").startswith("1.35")

        world.change("NodePool", "nodeConfig.labels", {"pool": "other"})
        mended = project.up("--refresh")
        assert mended.ops("system")[-1] == "update"
        assert mended.changes["update"] == 1
        assert world.one("NodePool").get("nodeConfig.labels") == {"pool": "system"}
