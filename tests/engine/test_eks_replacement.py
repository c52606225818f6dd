"""A change that AWS cannot make to a cluster: refused under the old name, a move to a new cluster with another."""

from pathlib import Path

import pytest

from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import Json
from tests.engine.eks_stack import eks_stacks
from tests.support.update import Result

pytestmark = pytest.mark.engine

SPEC: Json = {
    "cluster": {"eks": {"region": "us-east-1", "api_endpoint": {"public_cidrs": ["203.0.113.0/24"]}}},
    "pools": {"system": {"machine_type": "m7i.2xlarge", "min_nodes": 1, "max_nodes": 2}},
    "workspaces": {"team": {"jobs": {"embed": {"image": "registry.example.org/embed:1.0.0", "pool": "system"}}}},
}
CLUSTER = "aws:eks/cluster:Cluster"


def test_a_cluster_goes_only_after_another_one_has_what_is_on_it(tmp_path: Path, cloud_servers: CloudServers) -> None:
    with eks_stacks(tmp_path, cloud_servers) as make:
        stack = make(SPEC)
        stack.project.up()
        stack.configure(lambda spec: spec["cluster"]["eks"].update(service_cidr="172.30.0.0/16"))
        refused = stack.project.up(fails=True)
        assert any("already exists" in each.message for each in refused.diagnostics)
        assert "delete-replaced" not in {each.op for each in refused.steps}
        assert len(stack.get("jobs")) == 1

        network = {"cidr": "10.20.0.0/16"}
        stack.configure(lambda spec: spec["cluster"]["eks"].update(name="second", network=network))
        result = stack.project.preview()
        _moves(result)


def _moves(result: Result) -> None:
    ops = [(each.op, each.type) for each in result.steps]
    assert ("create-replacement", CLUSTER) in ops
    on_it = [at for at, (op, type_) in enumerate(ops) if op == "create-replacement" and type_.startswith("kubernetes:")]
    deleted = [at for at, (op, type_) in enumerate(ops) if op == "delete-replaced" and type_.startswith("kubernetes:")]
    assert on_it
    assert len(deleted) == len(on_it)
    assert max(on_it) < ops.index(("delete-replaced", CLUSTER))
    assert max(deleted) < ops.index(("delete-replaced", CLUSTER))
