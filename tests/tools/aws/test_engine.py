"""What a user of the CLI sees: the real engine on a simulated account."""

from pathlib import Path

import pytest

from tests.support.control_plane import ApiServer
from tests.support.eks_world import EksWorld
from tests.support.engine import MakeProject
from tests.tools.aws.programs import KUBERNETES, program
from tests.tools.cloud_project import made_project

pytestmark = pytest.mark.engine


def test_a_cluster_goes_up_changes_and_leaves_nothing(
    make_project: MakeProject, api_server: ApiServer, tmp_path: Path
) -> None:
    world = EksWorld(tmp_path / "world")
    with made_project(make_project, program(more=KUBERNETES), world, api_server) as project:
        assert world.one("Cluster").inputs["version"] == "1.34"
        assert world.one("Vpc").inputs["tags"] == {"owner": "test"}

        project.write(program(version="1.35", disk=60, more=KUBERNETES))
        changed = project.up()
        assert changed.ops("small") == ["update"]
        assert changed.ops("nodes") == ["update"]
        assert changed.ops("system") == ["update"]
        assert world.one("NodeGroup").inputs["launchTemplate"]["version"] == "2"

        world.change("NodeGroup", "labels", {"pool": "other"})
        mended = project.up("--refresh")
        assert mended.ops("system")[-1] == "update"
        assert mended.changes["update"] == 1
        assert world.one("NodeGroup").inputs["labels"] == {"pool": "system"}
