from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from modelyard.batch.batch_job import BatchJob
from modelyard.batch.spec import BatchJobSpec
from modelyard.cluster.traits import ClusterTraits
from modelyard.workspace.spec import (
    EgressSpec,
    MembersSpec,
    NetworkSpec,
    QuotaSpec,
    SecretSpec,
    WorkspaceSpec,
)
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import POOLS, BareCluster, bare_cluster
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, refused, run

TYPE = "modelyard:workspace:Workspace"


def workspace(spec: WorkspaceSpec, **settings: Any) -> Recorded:
    return run(lambda: Workspace("chat", bare_cluster(), spec), **settings)


def egress_of(network: NetworkSpec) -> list[dict[str, Any]]:
    return workspace(WorkspaceSpec(network=network)).one("NetworkPolicy").inputs["spec"]["egress"]


def test_a_workspace_is_these_objects() -> None:
    made = workspace(WorkspaceSpec()).under(TYPE)
    assert sorted(each.type.rsplit(":", 1)[1] for each in made) == [
        "Namespace",
        "NetworkPolicy",
        "ServiceAccount",
        "Workspace",
    ]


def test_every_object_is_a_child_on_the_clusters_provider() -> None:
    spec = WorkspaceSpec(
        quota=QuotaSpec(cpus=1), members=MembersSpec(edit=["group:a"]), secrets={"hf": SecretSpec(from_="config/hf")}
    )
    made = workspace(spec, secrets={"modelyard:hf": "hidden"}).under(f"{TYPE}")
    objects = [each for each in made if each.type != TYPE]
    assert len(objects) == 6
    (component,) = (each for each in made if each.type == TYPE)
    assert {each.parent for each in objects} == {component.urn}
    assert {each.provider for each in objects} == {
        "urn:pulumi:test::project::pulumi:providers:kubernetes::bare::bare-id"
    }


def test_every_object_carries_the_stacks_label() -> None:
    made = workspace(WorkspaceSpec(quota=QuotaSpec(cpus=1), members=MembersSpec(view=["group:a"]))).under(TYPE)
    for each in made:
        if each.type != TYPE:
            assert each.inputs["metadata"]["labels"]["modelyard.dev/stack"] == "project.test", each.urn


def test_the_namespace_enforces_restricted_pods() -> None:
    metadata = workspace(WorkspaceSpec()).one("Namespace").inputs["metadata"]
    assert metadata["name"] == "chat"
    assert {key: value for key, value in metadata["labels"].items() if key.startswith("pod-security")} == {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
    }


def test_the_namespace_waits_for_the_clusters_nodes() -> None:
    def program() -> None:
        cluster = bare_cluster()
        cluster.ready.append(k8s.core.v1.Node("node"))
        Workspace("chat", cluster, WorkspaceSpec())

    recorded = run(program)
    assert recorded.one("Namespace").depends_on == {recorded.one("Node").urn}


def test_workloads_and_nothing_else_wait_for_the_clusters_images() -> None:
    def program() -> None:
        cluster = bare_cluster()
        cluster.images.append(k8s.core.v1.ConfigMap("image"))
        chat = Workspace("chat", cluster, WorkspaceSpec())
        BatchJob("job", chat, BatchJobSpec(pool="system", image="a:1"))

    recorded = run(program)
    image = recorded.one("ConfigMap").urn
    assert [each.type for each in recorded.registrations if image in each.depends_on] == ["kubernetes:batch/v1:Job"]


def test_pods_get_an_account_without_a_token() -> None:
    inputs = workspace(WorkspaceSpec()).one("ServiceAccount").inputs
    assert inputs["metadata"]["name"] == "workload"
    assert inputs["automountServiceAccountToken"] is False


def test_the_quota_covers_the_gpus_of_every_vendor() -> None:
    quota = QuotaSpec(gpus=96, cpus=512.5, memory_gib=4096)
    assert workspace(WorkspaceSpec(quota=quota)).one("ResourceQuota").inputs["spec"] == {
        "hard": {
            "requests.cpu": "512500m",
            "requests.memory": "4096Gi",
            "requests.amd.com/gpu": "96",
            "requests.nvidia.com/gpu": "96",
        }
    }


def test_a_quota_of_no_gpus_is_written_down() -> None:
    quota = workspace(WorkspaceSpec(quota=QuotaSpec(gpus=0))).one("ResourceQuota")
    assert quota.inputs["spec"]["hard"]["requests.nvidia.com/gpu"] == "0"


def test_where_no_pool_has_gpus_a_quota_of_them_is_nothing() -> None:
    def program() -> None:
        spec = WorkspaceSpec(quota=QuotaSpec(gpus=4))
        Workspace("chat", bare_cluster({"system": POOLS["system"]}), spec)

    assert run(program).of("ResourceQuota") == []


def test_members_become_subjects_of_one_binding_a_role() -> None:
    members = MembersSpec(edit=["group:ml-chat", "serviceaccount:ci/deployer"], view=["user:ann@example.org"])
    edit, view = sorted(
        workspace(WorkspaceSpec(members=members)).of("RoleBinding"), key=lambda each: str(each.inputs["roleRef"])
    )
    api_group = "rbac.authorization.k8s.io"
    assert edit.inputs["roleRef"] == {"apiGroup": api_group, "kind": "ClusterRole", "name": "edit"}
    assert edit.inputs["subjects"] == [
        {"kind": "Group", "apiGroup": api_group, "name": "ml-chat"},
        {"kind": "ServiceAccount", "namespace": "ci", "name": "deployer"},
    ]
    assert view.inputs["roleRef"]["name"] == "view"
    assert view.inputs["subjects"] == [{"kind": "User", "apiGroup": api_group, "name": "ann@example.org"}]


class TestSecrets:
    SPEC = WorkspaceSpec(secrets={"hf": SecretSpec(from_="config/hf-token")})

    def test_a_secret_is_immutable_and_secret_in_the_state(self) -> None:
        made = workspace(self.SPEC, secrets={"modelyard:hf-token": "hidden"}).one("Secret")
        assert made.inputs["stringData"] == {"value": "hidden"}
        assert made.inputs["immutable"] is True
        assert made.secrets == {"stringData"}
        assert "name" not in made.inputs["metadata"]

    def test_its_generated_name_is_known_by_the_name_in_the_spec(self) -> None:
        seen: list[str] = []

        def program() -> None:
            made = Workspace("chat", bare_cluster(), self.SPEC)
            made.secret_names["hf"].apply(seen.append)

        run(program, secrets={"modelyard:hf-token": "hidden"})
        assert seen == [f"chat-hf{AUTO_NAME_SUFFIX}"]

    def test_a_missing_one_is_refused_with_the_command(self) -> None:
        error = refused(lambda: Workspace("chat", bare_cluster(), self.SPEC), TYPE)
        (problem,) = error.problems
        assert problem.path == "chat.secrets.hf.from"
        assert problem.why == "the key modelyard:hf-token is missing"
        assert problem.fix == "run: pulumi config set --secret modelyard:hf-token"

    def test_one_in_clear_text_is_refused_and_not_shown(self) -> None:
        error = refused(
            lambda: Workspace("chat", bare_cluster(), self.SPEC), TYPE, config={"modelyard:hf-token": "hidden"}
        )
        (problem,) = error.problems
        assert "in clear text" in problem.why
        assert problem.fix == "run: pulumi config set --secret modelyard:hf-token"
        assert "hidden" not in str(error)

    def test_one_that_no_secret_holds_is_refused_and_not_shown(self) -> None:
        most = 1024 * 1024
        error = refused(
            lambda: Workspace("chat", bare_cluster(), self.SPEC),
            TYPE,
            secrets={"modelyard:hf-token": "x" * (most + 1)},
        )
        assert str(error) == (
            "chat.secrets.hf.from: the value of modelyard:hf-token has 1,048,577 bytes, and a Secret holds 1,048,576; "
            "use a smaller value, or divide it into several"
        )
        assert workspace(self.SPEC, secrets={"modelyard:hf-token": "x" * most}).one("Secret")

    def test_all_that_are_missing_are_named(self) -> None:
        spec = WorkspaceSpec(secrets={name: SecretSpec(from_=f"config/{name}") for name in ("a", "b")})
        error = refused(lambda: Workspace("chat", bare_cluster(), spec), TYPE)
        assert [problem.path for problem in error.problems] == ["chat.secrets.a.from", "chat.secrets.b.from"]


@pytest.mark.parametrize("name", ["kube-system", "Chat", "a" * 41])
def test_a_name_that_no_workspace_can_have_is_refused(name: str) -> None:
    error = refused(lambda: Workspace(name, bare_cluster(), WorkspaceSpec()), TYPE)
    assert [problem.path for problem in error.problems] == [name]


def test_a_spec_with_problems_is_refused() -> None:
    spec = WorkspaceSpec(members=MembersSpec(edit=["ml"]))
    error = refused(lambda: Workspace("chat", bare_cluster(), spec), TYPE)
    assert [problem.path for problem in error.problems] == ["chat.members.edit[0]"]


class TestNetwork:
    def test_everything_is_denied_but_what_is_listed(self) -> None:
        spec = workspace(WorkspaceSpec()).one("NetworkPolicy").inputs["spec"]
        assert spec["podSelector"] == {}
        assert spec["policyTypes"] == ["Ingress", "Egress"]

    def test_ingress_is_from_the_workspace_the_gateway_and_prometheus(self) -> None:
        assert workspace(WorkspaceSpec()).one("NetworkPolicy").inputs["spec"]["ingress"] == [
            {"from": [{"podSelector": {}}]},
            {
                "from": [{"namespaceSelector": {"matchLabels": {"modelyard.dev/gateway": "true"}}}],
                "ports": [{"port": "http", "protocol": "TCP"}],
            },
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
                        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
                    }
                ],
                "ports": [{"port": "http", "protocol": "TCP"}, {"port": "metrics", "protocol": "TCP"}],
            },
        ]

    def test_load_balancers_that_are_no_pods_are_let_in_by_their_addresses(self) -> None:
        def program() -> None:
            traits = ClusterTraits(gateway_source_ranges=("10.8.16.0/23", "35.191.0.0/16"))
            Workspace("chat", bare_cluster(traits=traits), WorkspaceSpec())

        rule = run(program).one("NetworkPolicy").inputs["spec"]["ingress"][1]
        assert [each["ipBlock"] for each in rule["from"] if "ipBlock" in each] == [
            {"cidr": "10.8.16.0/23"},
            {"cidr": "35.191.0.0/16"},
        ]
        assert rule["ports"] == [{"port": "http", "protocol": "TCP"}]

    def test_egress_is_to_the_workspace_dns_and_the_internet(self) -> None:
        own, dns, internet = egress_of(NetworkSpec())
        assert own == {"to": [{"podSelector": {}}]}
        assert dns == {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
        assert internet["ports"] == [{"port": 443, "protocol": "TCP"}]
        assert [peer["ipBlock"]["cidr"] for peer in internet["to"]] == ["0.0.0.0/0", "::/0"]

    def test_the_internet_has_neither_private_addresses_nor_metadata(self) -> None:
        internet = egress_of(NetworkSpec())[2]
        version_4, version_6 = (peer["ipBlock"]["except"] for peer in internet["to"])
        assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"} <= set(version_4)
        assert set(version_6) == {"fc00::/7", "fe80::/10"}

    def test_the_internet_can_be_closed(self) -> None:
        assert len(egress_of(NetworkSpec(allow_internet=False))) == 2

    def test_the_api_server_is_opened_on_request_only(self) -> None:
        assert len(egress_of(NetworkSpec())) == 3
        rule = egress_of(NetworkSpec(allow_internet=False, allow_api_server=True))[2]
        assert [port["port"] for port in rule["ports"]] == [443, 6443]
        assert rule["to"][0]["ipBlock"] == {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}

    def test_further_addresses_are_opened_as_given(self) -> None:
        network = NetworkSpec(allow_internet=False, allow_egress=[EgressSpec(cidr="10.1.0.0/16", ports=[5432])])
        assert egress_of(network)[2] == {
            "to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}],
            "ports": [{"port": 5432, "protocol": "TCP"}],
        }

    @pytest.mark.parametrize("cidr", ["169.254.0.0/16", "169.254.170.23/32"])
    def test_the_metadata_service_is_opened_by_name_only(self, cidr: str) -> None:
        network = NetworkSpec(allow_internet=False, allow_egress=[EgressSpec(cidr=cidr, ports=[80])])
        assert egress_of(network)[2]["to"] == [{"ipBlock": {"cidr": cidr}}]

    def test_a_wide_range_leaves_the_metadata_service_out(self) -> None:
        network = NetworkSpec(allow_internet=False, allow_egress=[EgressSpec(cidr="0.0.0.0/0", ports=[8080])])
        assert egress_of(network)[2]["to"][0]["ipBlock"]["except"] == ["169.254.0.0/16"]


def test_what_workloads_need_beside_nodes_outlives_the_namespace() -> None:
    def program() -> None:
        driver = k8s.core.v1.ConfigMap("driver")
        Workspace("chat", bare_cluster(), WorkspaceSpec(), after=[driver])

    recorded = run(program)
    assert recorded.one("ConfigMap").urn in recorded.one("Namespace").depends_on


def test_pods_wait_for_the_nodes_of_their_own_pool_only() -> None:
    class Nodes(BareCluster):
        def pool_ready(self, pool: str) -> list[pulumi.Resource]:
            return [nodes[pool]]

    nodes: dict[str, pulumi.Resource] = {}

    def program() -> None:
        nodes.update({name: k8s.core.v1.Node(name) for name in POOLS})
        made = Workspace("chat", Nodes(), WorkspaceSpec())
        BatchJob("embed", made, BatchJobSpec(pool="l4", gpus=1, image="registry.example.org/a:1"))

    recorded = run(program)
    by_name = {each.name: each.urn for each in recorded.of("Node")}
    assert recorded.one("Job").depends_on & set(by_name.values()) == {by_name["l4"]}
    assert not recorded.one("Namespace").depends_on & set(by_name.values())
