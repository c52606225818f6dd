"""Who acts on the gateway of a real node: what is made of it, with which rights, and where nobody is."""

import pytest

from modelyard.cluster.local.cluster import LocalCluster
from modelyard.cluster.spec import LocalSpec, PoolSpec
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import GatewaySpec
from tests.support.mocks import Recorded, run
from tests.unit.cluster.local.conftest import MakeProgram


def gateway(spec: LocalSpec, class_: str = "envoy") -> Recorded:
    def program() -> None:
        cluster = LocalCluster("local", spec, {"system": PoolSpec(cpus=1, memory_gib=1)})
        Gateway("gateway", cluster, GatewaySpec(class_=class_))

    return run(program)


@pytest.fixture
def host(program: MakeProgram) -> Recorded:
    program("traefik", "exit 0")
    return gateway(LocalSpec(engine="host"))


def test_it_is_these_objects_in_the_gateways_namespace(host: Recorded) -> None:
    for kind in ("ServiceAccount", "Service", "Deployment"):
        metadata = host.one(kind).inputs["metadata"]
        assert (metadata["name"], metadata["namespace"]) == ("traefik", "gateway")
    image = host.one("dynamic/modelyard:LocalProgram")
    pod = host.one("Deployment").inputs["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == image.inputs["reference"]
    assert pod["containers"][0]["imagePullPolicy"] == "Never"
    assert image.urn in host.one("Deployment").depends_on
    assert host.one("dynamic/modelyard:LocalCluster").urn in image.depends_on
    assert "kubernetes" not in image.provider


def test_it_runs_as_pods_of_the_level_restricted_do(host: Recorded) -> None:
    pod = host.one("Deployment").inputs["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["securityContext"]["sysctls"] == [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert container["securityContext"]["readOnlyRootFilesystem"]


def test_it_reads_what_it_watches_and_writes_nothing_but_status(host: Recorded) -> None:
    rules = host.one("ClusterRole").inputs["rules"]
    read = {
        resource for rule in rules if set(rule["verbs"]) == {"get", "list", "watch"} for resource in rule["resources"]
    }
    assert read == {
        "namespaces", "services", "secrets", "endpointslices",
        "gatewayclasses", "gateways", "httproutes", "grpcroutes", "referencegrants",
    }  # fmt: skip
    [writing] = [rule for rule in rules if not {"get", "list", "watch"} & set(rule["verbs"])]
    assert writing["verbs"] == ["update"]
    assert all(resource.endswith("/status") for resource in writing["resources"])


def test_its_entry_points_have_the_ports_of_listeners_and_of_its_service(host: Recorded) -> None:
    arguments = host.one("Deployment").inputs["spec"]["template"]["spec"]["containers"][0]["args"]
    assert [each["port"] for each in host.one("Service").inputs["spec"]["ports"]] == [80, 443]
    assert [each.rpartition(":")[2] for each in arguments if ".address=:" in each] == ["80", "443"]
    assert any(each.startswith("--providers.kubernetesgateway.statusaddress.ip=") for each in arguments)


@pytest.mark.parametrize("spec", [LocalSpec(engine="kwok"), LocalSpec(engine="host", charts=True)])
def test_where_no_container_runs_or_envoy_can_be_installed_there_is_nobody(spec: LocalSpec) -> None:
    recorded = gateway(spec)
    assert not recorded.of("dynamic/modelyard:LocalProgram")
    assert not recorded.of("Deployment")


def test_for_another_class_there_is_nobody(program: MakeProgram) -> None:
    program("traefik", "exit 0")
    assert not gateway(LocalSpec(engine="host"), "istio").of("Deployment")


def test_without_a_gateway_the_program_is_not_even_looked_for() -> None:
    recorded = run(lambda: LocalCluster("local", LocalSpec(engine="host"), {"system": PoolSpec(cpus=1, memory_gib=1)}))
    assert not recorded.of("dynamic/modelyard:LocalProgram")
