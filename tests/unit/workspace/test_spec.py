import pytest

from modelyard.errors import ConfigError
from modelyard.spec import load_json, validate
from modelyard.workspace.spec import (
    ConfigSpec,
    EgressSpec,
    MembersSpec,
    QuotaSpec,
    WorkspaceSpec,
    workspace_name_problems,
)


def paths_of(error: pytest.ExceptionInfo[ConfigError]) -> list[str]:
    return [problem.path for problem in error.value.problems]


@pytest.mark.parametrize(
    "member", ["group:ml-chat", "user:ann@example.org", "group:oidc:Team A", "serviceaccount:ci/deployer"]
)
def test_members_of_every_kind_are_accepted(member: str) -> None:
    validate(MembersSpec(edit=[member]))


@pytest.mark.parametrize(
    "member", ["ml-chat", "group:", "group: ml", "serviceaccount:deployer", "serviceaccount:ci/", "Group:ml", "role:a"]
)
def test_members_of_no_kind_are_refused(member: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(MembersSpec(view=[member]))
    assert paths_of(caught) == ["view[0]"]


@pytest.mark.parametrize(
    ("member", "why"),
    [
        ("user:system:anonymous", "is whoever reaches the API server, without a name"),
        ("group:system:unauthenticated", "is whoever reaches the API server, without a name"),
        ("group:system:authenticated", "is everybody who has a name"),
        ("group:system:serviceaccounts", "is the pods of all namespaces"),
        ("group:system:masters", "begins with system:, which is Kubernetes' own"),
        ("user:system:kube-scheduler", "begins with system:, which is Kubernetes' own"),
        ("user:system:serviceaccount:ci", "begins with system:, which is Kubernetes' own"),
    ],
)
def test_who_is_everybody_or_kubernetes_itself_is_no_member(member: str, why: str) -> None:
    for members in (MembersSpec(view=[member]), MembersSpec(edit=[member])):
        with pytest.raises(ConfigError) as caught:
            validate(members)
        (problem,) = caught.value.problems
        assert why in problem.why
        assert "serviceaccount:NAMESPACE/NAME" in str(problem.fix)


@pytest.mark.parametrize(
    "member",
    [
        "user:system:serviceaccount:ci:deployer",
        "group:system:serviceaccounts:ci",
        "user:systems@example.org",
        "group:authenticated",
        "group:oidc:system:masters",
    ],
)
def test_service_accounts_and_names_like_kubernetes_own_are_members(member: str) -> None:
    validate(MembersSpec(view=[member]))


@pytest.mark.parametrize("source", ["config/hf-token", "config/a.b_c"])
def test_a_secret_comes_from_the_configuration(source: str) -> None:
    spec = load_json(WorkspaceSpec, f'{{"secrets": {{"hf": {{"from": "{source}"}}}}}}')
    assert spec.secrets["hf"].from_ == source


@pytest.mark.parametrize("source", ["config/", "hf-token", "config/other:key", "external/ml/slack", "config/a b"])
def test_a_secret_from_elsewhere_is_refused(source: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_json(WorkspaceSpec, f'{{"secrets": {{"hf": {{"from": "{source}"}}}}}}')
    assert paths_of(caught) == ["secrets.hf.from"]


def test_configuration_is_what_a_config_map_holds() -> None:
    half = "é" * (256 * 1024)
    assert validate(ConfigSpec(values={"a": half, "b": half}))
    with pytest.raises(ConfigError) as caught:
        validate(WorkspaceSpec(config={"app": ConfigSpec(values={"a": half, "b": f"{half}x"})}))
    assert str(caught.value) == (
        "config.app.values: has 1,048,577 bytes, and a ConfigMap holds 1,048,576; "
        "divide it into several, or put large files on a volume or into the image"
    )


@pytest.mark.parametrize("cidr", ["10.20.0.0/16", "10.20.0.7/32", "fd00::/8", "0.0.0.0/0"])
def test_address_ranges_are_accepted(cidr: str) -> None:
    validate(EgressSpec(cidr=cidr, ports=[5432]))


@pytest.mark.parametrize(
    ("cidr", "fix"),
    [
        ("10.20.0.7/16", "10.20.0.0/16"),
        ("10.20.0.7", "10.20.0.7/32"),
        ("10.20.0.0/33", "10.20.0.7/32"),
        ("db.example.org", "like"),
    ],
)
def test_what_is_no_address_range_is_refused_with_one_that_is(cidr: str, fix: str) -> None:
    with pytest.raises(ConfigError, match=fix) as caught:
        validate(EgressSpec(cidr=cidr, ports=[5432]))
    assert paths_of(caught) == ["cidr"]


@pytest.mark.parametrize("ports", [[], [0], [65536]])
def test_egress_without_a_port_is_refused(ports: list[int]) -> None:
    with pytest.raises(ConfigError):
        validate(EgressSpec(cidr="10.0.0.0/8", ports=ports))


@pytest.mark.parametrize("ports", [[1], [65535], [443, 5432]])
def test_egress_to_real_ports_is_accepted(ports: list[int]) -> None:
    validate(EgressSpec(cidr="10.0.0.0/8", ports=ports))


def test_a_quota_of_no_gpus_forbids_them_and_is_accepted() -> None:
    assert validate(QuotaSpec(gpus=0)).gpus == 0


@pytest.mark.parametrize("quota", [QuotaSpec(gpus=-1), QuotaSpec(cpus=0), QuotaSpec(memory_gib=-4)])
def test_a_quota_below_nothing_is_refused(quota: QuotaSpec) -> None:
    with pytest.raises(ConfigError):
        validate(quota)


@pytest.mark.parametrize("name", ["default", "kube-system", "monitoring", "Chat", "a.b"])
def test_a_workspace_cannot_have_the_name_of_another_namespace(name: str) -> None:
    assert len(list(workspace_name_problems(name))) == 1


@pytest.mark.parametrize("name", ["chat", "defaults", "kubernetes", "monitors"])
def test_a_workspace_can_have_a_similar_name(name: str) -> None:
    assert list(workspace_name_problems(name)) == []
