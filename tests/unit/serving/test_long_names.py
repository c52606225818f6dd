"""The longest names that a service may have, and what is named after it."""

from dataclasses import replace

import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.kube.names import LOGICAL_NAME_CHARACTERS
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.spec import MetricsSpec
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.platform.priorities import Priorities
from modelyard.serving.argo_rollouts import ArgoRollouts
from modelyard.serving.keda import Keda
from modelyard.serving.model_service import ModelService
from modelyard.serving.prefill_spec import PrefillSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.variants import variant_name_problems
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.mocks import AUTO_NAME_SUFFIX, run
from tests.unit.serving.test_number_of_resources import POOLS, RELEASES, verified

PICKED = RouteSpec(balance="kv_cache")
SERVICES = {
    **{name: verified(name) for name in RELEASES},
    "spare": verified("rolling", spare_replicas=1),
    "picker": verified("rolling", route=PICKED),
    "prefill": verified("rolling", route=PICKED, adapters={}, prefill=PrefillSpec()),
}
WORKSPACE = "w" * 20
SERVICE_NAME_CHARACTERS = 63
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#rfc-1035-label-names"""


def longest_name(spec: ModelServiceSpec) -> str:
    longest = LOGICAL_NAME_CHARACTERS - len(f"{WORKSPACE}-")
    names = ("s" * length for length in range(longest, 0, -1))
    return next(name for name in names if not list(variant_name_problems(WORKSPACE, name, spec)))


@pytest.mark.parametrize("kind", SERVICES)
def test_no_service_has_a_longer_name_than_kubernetes_takes(kind: str) -> None:
    spec = replace(SERVICES[kind], sidecars=())

    def program() -> None:
        cluster = bare_cluster(POOLS, ClusterTraits())
        workspace = Workspace(
            WORKSPACE, cluster, WorkspaceSpec(), priorities=Priorities("priorities", cluster, {}, with_spare=True)
        )
        ModelService(
            longest_name(spec),
            workspace,
            spec,
            monitoring=Monitoring("monitoring", cluster, MetricsSpec()),
            gateway=Gateway("gateway", cluster, GatewaySpec(pickers=True)),
            keda=Keda("keda", cluster),
            argo_rollouts=ArgoRollouts("argo-rollouts", cluster),
        )

    services = [each for each in run(program).of("kubernetes:core/v1:Service") if WORKSPACE in each.name]
    names = [each.inputs["metadata"].get("name", f"{each.name}{AUTO_NAME_SUFFIX}") for each in services]
    assert names
    assert [name for name in names if len(name) > SERVICE_NAME_CHARACTERS] == []
