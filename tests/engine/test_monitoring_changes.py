"""What the real engine does with the monitoring of a cluster without charts: it comes, stays and goes."""

import pytest

from tests.support.control_plane import ApiServer
from tests.support.engine import MakeProject
from tests.support.paths import ROOT

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s
from modelyard.cluster.traits import ClusterTraits
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.spec import MetricsSpec
from tests.support.clusters import BareCluster

config = pulumi.Config()
provider = k8s.Provider("cluster", kubeconfig=config.require("kubeconfig"), cluster_identifier="monitoring")
cluster = BareCluster(kubernetes_provider=provider, traits=ClusterTraits(charts_installed=False))
Monitoring("monitoring", cluster, MetricsSpec())
"""


def test_it_comes_stays_unchanged_and_goes(api_server: ApiServer, make_project: MakeProject) -> None:
    project = make_project(PROGRAM, environment={"PYTHONPATH": str(ROOT)})
    project.set_config({"kubeconfig": str(api_server.kubeconfig)})
    project.up()
    rules = api_server.kubectl("get", "prometheusrules.monitoring.coreos.com", "-A", "-o", "yaml")
    assert "ModelServiceUnavailable" in rules
    assert project.preview().unchanged
    project.destroy()
    assert "monitoring.coreos.com" not in api_server.kubectl("get", "customresourcedefinitions", "-o", "name")
    assert "namespace/monitoring" not in api_server.kubectl("get", "namespaces", "-o", "name")
