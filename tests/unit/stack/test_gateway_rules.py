"""Rules that the gateway, the cluster and the routes of all workspaces make together, and what a stack gives out."""

import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import load_stack
from tests.support.mocks import run, value_of
from tests.support.stacks import stack

GATEWAY: dict[str, Any] = {"hostname": "models.example.org"}
FRAUD, ASSISTANT = "workspaces.chat.services.fraud", "workspaces.chat.services.assistant"
ADD_GATEWAY = "add platform: {gateway: {}}, or leave the route out"
GIVE_ANOTHER = "give one of them another path, hostnames or header"
NETWORK = {"nodes_cidr": "10.20.0.0/20", "pods_cidr": "10.24.0.0/14", "services_cidr": "10.20.16.0/20"}
GKE: dict[str, Any] = {"project": "ml-prod", "region": "us-central1", "network": NETWORK}


def problems(changes: dict[str, Any]) -> list[str]:
    try:
        load_stack(json.dumps(stack(changes)))
    except ConfigError as error:
        return str(error).splitlines()
    return []


def test_a_route_needs_a_gateway() -> None:
    route = {f"{FRAUD}.route": {"path": "/fraud"}}
    assert problems(route) == [f"{FRAUD}.route: leads from a gateway, and there is none; {ADD_GATEWAY}"]
    assert not problems({"platform.gateway": GATEWAY, **route})


def test_two_services_have_two_routes() -> None:
    same = {"platform.gateway": GATEWAY, f"{FRAUD}.route": {}, f"{ASSISTANT}.route": {"path": "/"}}
    assert problems(same) == [f"{FRAUD}.route: / of models.example.org is the route of {ASSISTANT}; {GIVE_ANOTHER}"]
    assert not problems({**same, f"{FRAUD}.route": {"path": "/fraud"}})


def test_a_version_is_not_called_as_another_service() -> None:
    canary = {"platform.gateway": GATEWAY, f"{FRAUD}.route": {}, f"{FRAUD}.release": {"canary": {"env": {"A": "1"}}}}
    assert not problems(canary)
    twin = {**canary, "workspaces.chat.services.fraud-canary": stack({})["workspaces"]["chat"]["services"]["fraud"]}
    assert problems(twin) == [
        f"{FRAUD}.release: would be named chat-fraud-canary, as {FRAUD}-canary is; rename one of them"
    ]


@pytest.mark.parametrize("track", ["stable", "next"])
def test_the_services_of_an_automatic_release_are_not_called_as_another_service(track: str) -> None:
    steps = {"steps": [{"weight_percent": 10, "pause_seconds": 60}]}
    automatic = {"platform.gateway": GATEWAY, f"{FRAUD}.route": {}, f"{FRAUD}.release": {"automatic": steps}}
    assert not problems(automatic)
    service = stack({})["workspaces"]["chat"]["services"]["fraud"]
    twin = {**automatic, f"workspaces.chat.services.fraud-{track}": service}
    assert problems(twin) == [
        f"{FRAUD}.release.automatic: would be named chat-fraud-{track}, as {FRAUD}-{track} is; rename one of them"
    ]
    assert not problems({**automatic, f"workspaces.chat.services.fraud-{track}s": service})


def test_a_release_is_what_the_gateway_can_do() -> None:
    shadow = {f"{FRAUD}.route": {}, f"{FRAUD}.release": {"shadow": {"env": {"A": "1"}}}}
    assert not problems({"platform.gateway": GATEWAY, **shadow})
    (refused,) = problems({"platform.gateway": {**GATEWAY, "class": "ours"}, **shadow})
    assert refused.startswith(f"{FRAUD}.release.shadow: class ours does not copy requests")
    assert not problems({"platform.gateway": {**GATEWAY, "class": "ours", "class_features": ["mirror"]}, **shadow})


@pytest.mark.parametrize("cluster", [
    {"eks": {"region": "eu-central-1", "network": {"cidr": "10.40.0.0/16"}}}, {"local": {"engine": "host"}},
])  # fmt: skip
def test_a_route_is_what_can_be_done_on_the_cluster(cluster: dict[str, Any]) -> None:
    kwok = {"platform.gateway": GATEWAY, f"{FRAUD}.route": {"balance": "client_ip"}}
    path = f"{FRAUD}.route.balance: "
    assert not [each for each in problems({**kwok, "cluster": {"local": {"engine": "kwok"}}}) if each.startswith(path)]
    (refused,) = [each for each in problems({**kwok, "cluster": cluster}) if each.startswith(path)]
    assert "does not tell clients apart by their address" in refused


@pytest.mark.parametrize(("engine", "is_refused"), [("host", True), ("kind", False), ("auto", False)])
def test_this_machine_itself_mounts_no_image(engine: str, is_refused: bool) -> None:
    model = {"oci_image": "registry.example.org/models/fraud:3"}
    found = problems({"cluster": {"local": {"engine": engine}}, f"{FRAUD}.model": model})
    path = f"{FRAUD}.model.oci_image: engine host runs the distribution's containerd"
    assert any(each.startswith(path) for each in found) is is_refused


def test_load_balancers_of_gke_are_on_gke_with_a_range_for_them() -> None:
    gateway = {"platform.gateway": {**GATEWAY, "class": "gke"}}
    fix = "leave class out, or on GKE set proxies_cidr in the cluster's network"
    refused = [f"platform.gateway.class: the cluster has no load balancers of GKE for gateways; {fix}"]
    assert problems(gateway) == refused
    pools = {"pools.system.min_nodes": 1}
    assert problems({**gateway, **pools, "cluster": {"gke": GKE}}) == refused
    ranged = {**GKE, "network": {**NETWORK, "proxies_cidr": "10.20.32.0/23"}}
    assert not problems({**gateway, **pools, "cluster": {"gke": ranged}})


def test_a_workspace_is_not_called_as_the_gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert problems({"workspaces.gateway": {}}) == [
        "workspaces.gateway: 'gateway' is a namespace of the platform; choose another name"
    ]
    assert not problems({"workspaces.gateways": {}})


def outputs(monkeypatch: pytest.MonkeyPatch, folder: Path, changes: dict[str, Any]) -> tuple[dict[str, str], str]:
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    routes: list[dict[str, str]] = []
    address: list[str] = []

    def program() -> None:
        made = MLStack("test", load_stack(json.dumps(stack(changes)))).outputs
        value_of(made.routes, routes)
        value_of(made.gateway_address, address)

    run(program, secrets={"modelyard:hf-token": "hidden"})
    return routes[0], address[0]


def test_a_stack_gives_out_the_urls_of_routes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    changes = {"platform.gateway": GATEWAY, f"{FRAUD}.route": {"path": "/fraud"}}
    assert outputs(monkeypatch, tmp_path, changes) == ({"chat/fraud": "http://models.example.org/fraud"}, "")
    assert outputs(monkeypatch, tmp_path, {}) == ({}, "")


PICKED: dict[str, Any] = {
    "cluster": {"existing": {"context": "on-prem"}},
    "platform.gateway": GATEWAY,
    f"{ASSISTANT}.route": {"path": "/assistant", "balance": "kv_cache"},
}


class TestPickers:
    @staticmethod
    def releases(changes: dict[str, Any]) -> set[str]:
        recorded = run(
            lambda: MLStack("test", load_stack(json.dumps(stack(changes)))), secrets={"modelyard:hf-token": "hidden"}
        )
        return {each.inputs["name"] for each in recorded.of("Release") if "envoy" in each.inputs["name"]}

    def test_what_asks_them_comes_with_the_first_route_that_needs_it(self) -> None:
        with_pickers = {"envoy-gateway", "envoy-ai-gateway", "envoy-ai-gateway-crds"}
        assert self.releases(PICKED) == with_pickers
        plain = {**PICKED, f"{ASSISTANT}.route": {"path": "/assistant"}}
        assert self.releases(plain) == {"envoy-gateway"}
        assert self.releases({**plain, "platform.gateway": {**GATEWAY, "pickers": True}}) == with_pickers

    def test_a_gateway_that_is_told_not_to_asks_none(self) -> None:
        assert problems(PICKED) == []
        (refused,) = problems({**PICKED, "platform.gateway": {**GATEWAY, "pickers": False}})
        assert refused == (
            f"{ASSISTANT}.route.balance: Envoy Gateway does not ask pickers of replicas; set pickers: true in the "
            "gateway, or use balance: header"
        )

    def test_who_stands_in_envoys_place_asks_none(self) -> None:
        kwok = {**PICKED, "cluster": {"local": {"engine": "kwok"}}}
        assert not [each for each in problems(kwok) if "balance" in each]
        (refused,) = [
            each for each in problems({**kwok, "cluster": {"local": {"engine": "host"}}}) if "balance" in each
        ]
        assert "Traefik does not ask pickers of replicas; " in refused

    def test_the_kind_is_registered_unless_it_is_there(self) -> None:
        def kinds(changes: dict[str, Any]) -> list[str]:
            spec = load_stack(json.dumps(stack({**PICKED, **changes})))
            recorded = run(lambda: MLStack("test", spec), secrets={"modelyard:hf-token": "hidden"})
            return [each.inputs["metadata"]["name"] for each in recorded.of("CustomResourceDefinition")]

        assert kinds({}) == ["inferencepools.inference.networking.k8s.io"]
        assert kinds({"platform.inference_pools_present": True}) == []
