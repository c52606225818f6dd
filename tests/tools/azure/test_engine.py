"""What a user of the CLI sees: the real engine on a simulated subscription."""

from pathlib import Path

import pytest

from tests.support.aks_world import AksWorld
from tests.support.control_plane import ApiServer
from tests.support.engine import MakeProject
from tests.tools.azure.programs import KUBERNETES, program
from tests.tools.cloud_project import made_project

pytestmark = pytest.mark.engine


def test_a_cluster_goes_up_changes_and_leaves_nothing(
    make_project: MakeProject, api_server: ApiServer, tmp_path: Path
) -> None:
    world = AksWorld(tmp_path / "world")
    # Azure tells a cluster's list of pools with it, which is ignored.
    with made_project(make_project, program(more=KUBERNETES), world, api_server) as project:
        assert world.one("ManagedCluster").inputs["kubernetesVersion"] == "1.34"
        assert {each.inputs["agentPoolName"] for each in world.resources("AgentPool")} == {"cluster", "cpu1"}

        project.write(program(version="1.35", more=KUBERNETES))
        changed = project.up()
        assert changed.ops("small") == ["update"]
        assert changed.ops("cpu") == ["update"]

        project.write(program(version="1.35", max_pods=60, more=KUBERNETES))
        failed = project.up(fails=True)
        assert "Changing property 'properties.maxPods' is not allowed" in failed.messages("error")
        assert world.resources("AgentPool")[1].inputs["maxPods"] == 110

        project.write(program(version="1.35", pool="cpu2", max_pods=60, more=KUBERNETES))
        replaced = project.up()
        assert "create-replacement" in replaced.ops("cpu")
        calls = world.calls("AgentPool.create") + world.calls("AgentPool.delete")
        made, gone = max(each["end"] for each in calls[:-1]), calls[-1]["start"]
        assert made <= gone, "the successor is there before the pool goes"
