"""The plan says what the stack really makes, so that the two cannot drift apart."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelyard.foresight.cost import prices
from modelyard.foresight.plan import Plan, plan
from modelyard.foresight.plan_text import render
from modelyard.stack.file import read_file
from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import load_stack
from tests.support.mocks import Recorded, run
from tests.support.paths import ROOT
from tests.support.stacks import REMOVED, stack

LOCAL = {
    **json.loads(read_file(ROOT / "stacks" / "Pulumi.local.yaml").stack or ""),
    # Decided without a look at this machine.
    "cluster": {"local": {"engine": "kwok"}},
}
EKS = {"eks": {"region": "us-east-1"}}
FRAUD, ASSISTANT = "workspaces.chat.services.fraud", "workspaces.chat.services.assistant"
LIMITED = {
    "path": "/fraud",
    "rate_limit": {"requests_per_minute": 60},
    "api_keys": {"clients": {"shop": "hf-token"}},
}
WIDE = {
    "model": {"huggingface": "mistralai/Mixtral-8x22B-Instruct-v0.1"},
    "runtime": {"vllm": {"tensor_parallel": 8, "pipeline_parallel": 2}},
    "pool": "h100",
    "surge": 0,
}
STACKS = {
    "the local stack": LOCAL,
    "every block": stack(),
    "no monitoring": stack({"observability": {}}),
    "metrics of a container": stack({f"{FRAUD}.runtime.container.metrics_path": "/metrics"}),
    "metrics of a container without monitoring": stack(
        {f"{FRAUD}.runtime.container.metrics_path": "/metrics", "observability": {}}
    ),
    "autoscaling of a container": stack(
        {f"{FRAUD}.replicas": REMOVED, f"{FRAUD}.autoscaling": {"max_replicas": 3, "target": {"cpu_percent": 50}}}
    ),
    "autoscaling by the server's metrics": stack({f"{ASSISTANT}.autoscaling.target": {"queued_requests": 4}}),
    "a service that requests wake, with room for more": stack(
        {
            "cluster": {"existing": {"context": "on-prem"}},
            "platform.gateway": {},
            f"{ASSISTANT}.route": {},
            f"{ASSISTANT}.autoscaling": {"min_replicas": 0, "max_replicas": 2, "target": {"requests_per_second": 2}},
            f"{ASSISTANT}.spare_replicas": 1,
        }
    ),
    "training on one node": stack({"workspaces.chat.training.finetune.nodes": 1}),
    "an existing cluster": stack({"cluster": {"existing": {"context": "on-prem"}}}),
    "a route": stack({"platform.gateway": {}, f"{FRAUD}.route": {"path": "/fraud"}}),
    "a route's policies": stack(
        {"cluster": {"existing": {"context": "on-prem"}}, "platform.gateway": {}, f"{FRAUD}.route": LIMITED}
    ),
    "a route's policies where no charts are installed": stack({"platform.gateway": {}, f"{FRAUD}.route": LIMITED}),
    "pods by KServe": stack({"platform.kserve_present": True, f"{FRAUD}.backend": "kserve"}),
    "steps that are taken by themselves": stack(
        {
            "platform.gateway": {},
            f"{FRAUD}.route": {"path": "/fraud"},
            f"{FRAUD}.release": {
                "automatic": {
                    "steps": [{"weight_percent": 10, "pause_seconds": 300}],
                    "analysis": {"success_percent": 99},
                }
            },
        }
    ),
    "a model in a cache": stack(
        {
            "workspaces.chat.volumes.kept": {"size_gib": 50, "shared": True, "storage_class": "nfs"},
            f"{ASSISTANT}.model.revision": "a09a354",
            f"{ASSISTANT}.model.cache": {"volume": "kept"},
        }
    ),
    "pools alone": stack({"workspaces": {}}),
    "a service over several nodes": stack({"workspaces.chat.services.wide": WIDE}),
}


@pytest.fixture(autouse=True)
def _no_cluster_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The local cluster looks for one that it made before."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def made(written: dict[str, Any]) -> Recorded:
    """What the program registers for a stack."""
    config = {"modelyard:stack": json.dumps(written)}
    return run(MLStack.from_config, config=config, secrets={"modelyard:hf-token": "clear"})


def planned(written: dict[str, Any]) -> Plan:
    """The plan of a stack."""
    return plan(load_stack(json.dumps(written)))


def workloads(recorded: Recorded) -> dict[tuple[str, str], list[str]]:
    """The kinds of objects right below each workload's component, by component and logical name."""
    rooms = ("modelyard:serving:", "modelyard:batch:")
    return {
        (component.type.rsplit(":", 1)[1], component.name): sorted(
            each.type.rsplit(":", 1)[1] for each in recorded.registrations if each.parent == component.urn
        )
        for component in recorded.registrations
        if component.type.startswith(rooms) and not component.type.endswith((":Keda", ":ArgoRollouts"))
    }


@pytest.mark.parametrize("name", STACKS)
def test_the_plan_lists_what_each_workload_registers(name: str) -> None:
    said = {
        (each["kind"], f"{each['workspace']}-{each['name']}"): sorted(each["makes"])
        for each in planned(STACKS[name])["workloads"]
    }
    assert said == workloads(made(STACKS[name]))


@pytest.mark.parametrize(
    ("cluster", "has_policies"),
    [
        ({"existing": {"context": "on-prem"}}, True),
        ({"local": {"engine": "kind"}}, True),
        ({"local": {"engine": "kwok", "charts": True}}, True),
        ({"local": {"engine": "kwok"}}, False),
        ({"local": {"engine": "kind", "charts": False}}, False),
    ],
)
def test_policies_are_planned_where_charts_bring_their_kinds(cluster: dict[str, Any], has_policies: bool) -> None:
    said = planned(stack({"cluster": cluster, "platform.gateway": {}, f"{FRAUD}.route": LIMITED}))
    (fraud,) = (each for each in said["workloads"] if each["name"] == "fraud")
    assert "HTTPRoute" in fraud["makes"]
    assert ({"BackendTrafficPolicy", "SecurityPolicy", "Secret"} <= set(fraud["makes"])) is has_policies


def test_room_that_is_kept_takes_nodes_and_is_no_pod_that_serves() -> None:
    def of(changes: dict[str, Any]) -> tuple[int, int, int, int]:
        workloads = planned(stack(changes))["workloads"]
        (one,) = (each for each in workloads if each["name"] == "assistant")
        return one["min_pods"], one["max_pods"], one["min_nodes"], one["max_nodes"]

    assert of({}) == (1, 2, 1, 2)
    assert of({f"{ASSISTANT}.spare_replicas": 1}) == (1, 2, 2, 3)
    zero = {"min_replicas": 0, "max_replicas": 2, "target": {"requests_per_second": 2}}
    woken = {"platform.gateway": {}, f"{ASSISTANT}.route": {}, f"{ASSISTANT}.autoscaling": zero}
    assert of(woken) == (0, 2, 0, 2)


def pod_of(registered: dict[str, Any]) -> dict[str, Any]:
    """The pod in a Deployment's, Job's or CronJob's inputs."""
    spec = registered["spec"]
    return spec.get("jobTemplate", {"spec": spec})["spec"]["template"]["spec"]


def test_the_plan_asks_for_what_the_pods_ask_for() -> None:
    recorded = made(LOCAL)
    for each in planned(LOCAL)["workloads"]:
        runs = {"Deployment", "Job", "CronJob"}
        (made_,) = [
            one
            for one in recorded.registrations
            if one.name == f"{each['workspace']}-{each['name']}" and one.type.rsplit(":", 1)[1] in runs
        ]
        requests = pod_of(dict(made_.inputs))["containers"][0]["resources"]["requests"]
        assert int(requests.get("nvidia.com/gpu", 0)) == each["gpus"]
        assert cpus(requests["cpu"]) == pytest.approx(each["cpus"], abs=0.001)
        assert gib(requests["memory"]) == pytest.approx(each["memory_gib"], abs=0.001)


def cpus(quantity: str) -> float:
    """vCPUs of a quantity."""
    return int(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def gib(quantity: str) -> float:
    """GiB of a quantity."""
    return float(quantity[:-2]) / {"Gi": 1, "Mi": 1024}[quantity[-2:]]


def test_pools_with_what_their_workloads_want() -> None:
    (system, l4, h100) = planned(LOCAL)["pools"]
    assert system | {"cpus": 2, "memory_gib": 4, "max_gpus": 0, "wanted_gpus": 0, "accelerator": None} == system
    # Three replicas of the service at most, and two pods of the job.
    assert l4 | {"accelerator": "l4", "gpus_per_node": 1, "max_nodes": 3, "max_gpus": 3, "wanted_gpus": 5} == l4
    assert h100 | {"gpus_per_node": 8, "max_nodes": 2, "max_gpus": 16, "wanted_gpus": 16} == h100


def test_pools_with_how_their_gpus_are_shared_and_bought() -> None:
    pools = {
        "shared": {"accelerator": "l4", "sharing": {"time_slicing": {"replicas": 4}}, "capacity": "spot"},
        "mig": {
            "accelerator": "h100",
            "gpus_per_node": 8,
            "sharing": {"mig": {"3g.40gb": 1, "1g.10gb": 4}},
            "max_nodes": 2,
        },
        "fast": {
            "accelerator": "h100",
            "gpus_per_node": 8,
            "fabric": "rdma",
            "capacity": {"reservation": "cr-1"},
            "zones": ["a"],
        },
        "system": {"cpus": 2, "memory_gib": 4},
    }
    said = planned({"cluster": {"local": {}}, "pools": pools})
    assert [(each["sharing"], each["capacity"], each["resources"], each["max_gpus"]) for each in said["pools"]] == [
        ("time_slicing", "spot", {"nvidia.com/gpu": 4}, 4),
        ("mig_mixed", "on_demand", {"nvidia.com/mig-3g.40gb": 8, "nvidia.com/mig-1g.10gb": 32}, 80),
        ("whole", "reservation", {"nvidia.com/gpu": 8, "vpc.amazonaws.com/efa": 32}, 8),
        ("whole", "on_demand", {}, 0),
    ]
    mig = next(line for line in render(said).splitlines() if line.startswith("mig "))
    assert "mig_mixed" in mig
    assert "nvidia.com/mig-3g.40gb: 8, nvidia.com/mig-1g.10gb: 32" in mig


def test_pools_whose_devices_are_claimed_name_their_class() -> None:
    pools = {
        "system": {"cpus": 8, "memory_gib": 32, "min_nodes": 1},
        "claimed": {"accelerator": "h100", "gpus_per_node": 8, "device_allocation": "dra", "min_nodes": 1},
    }
    said = planned({"cluster": EKS, "pools": pools})
    assert [each["resources"] for each in said["pools"]] == [{}, {"gpu.nvidia.com": 8}]


def test_a_training_over_a_fabric_is_in_the_companion_namespace() -> None:
    pools = {
        "system": {"cpus": 8, "memory_gib": 32, "min_nodes": 1},
        "h100": {"accelerator": "h100", "gpus_per_node": 8, "fabric": "rdma", "max_nodes": 2},
    }
    training = {"pool": "h100", "gpus_per_node": 8, "image": "registry.example.org/train:1.0.0"}
    lab = {"fabric": {}, "training": {"alone": training, "together": {**training, "nodes": 2}}}
    said = planned({"cluster": EKS, "pools": pools, "workspaces": {"lab": lab}})
    assert {each["name"]: each["namespace"] for each in said["workloads"]} == {
        "alone": "lab",
        "together": "lab-fabric",
    }
    assert "lab-fabric/together" in render(said)


def test_pods_at_a_time() -> None:
    pods = {each["name"]: (each["min_pods"], each["max_pods"]) for each in planned(LOCAL)["workloads"]}
    assert pods == {"assistant": (1, 3), "embed-backlog": (2, 2), "finetune": (2, 2), "digits": (1, 4),
                    "train-digits": (1, 1), "score-digits": (0, 1)}  # fmt: skip


def test_a_terminal_shows_one_line_for_each() -> None:
    said = planned(LOCAL)
    heads = [line.split()[0] for line in render(said).splitlines() if line]
    workload_names = [f"{each['workspace']}/{each['name']}" for each in said["workloads"]]
    services = [f"{each['workspace']}/{each['name']}" for each in said["workloads"] if each["service"]]
    pools = [each["name"] for each in said["pools"]]
    assert heads == ["cluster:", "POOL", *pools, "WORKLOAD", *workload_names, "SERVICE", *services]


def test_a_stack_of_pools_alone_can_be_shown() -> None:
    assert "system" in render(planned(STACKS["pools alone"]))


def test_the_plan_is_plain_values() -> None:
    said = planned(LOCAL)
    assert yaml.safe_load(json.dumps(said)) == said


EKS_POOLS = {
    "system": {"machine_type": "m5.large", "cpus": 2, "memory_gib": 8, "min_nodes": 1, "max_nodes": 2},
    "l4": {"accelerator": "l4", "machine_type": "g6.xlarge", "max_nodes": 8, "capacity": "spot"},
}


def test_pools_with_what_their_machines_cost() -> None:
    said = planned({"cluster": EKS, "pools": EKS_POOLS})
    spot = prices()["us-east-1", "g6.xlarge"].spot
    assert spot is not None
    (system, l4) = said["pools"]
    assert (l4["min_usd_per_hour"], l4["max_usd_per_hour"]) == (0, pytest.approx(8 * spot))
    assert ("us-east-1", "m5.large") not in prices()
    assert (system["min_usd_per_hour"], system["max_usd_per_hour"]) == (None, None)
    text = render(said)
    assert f"machines: 0.00 to {8 * spot:.2f} USD an hour by list prices" in text
    assert "and what system cost, which is not known" in text


def test_nothing_is_said_of_costs_where_none_is_known() -> None:
    assert "USD an hour" not in render(planned(LOCAL))


@pytest.mark.parametrize("environment", ["prod-eks", "prod-gke", "prod-aks"])
def test_which_machines_of_the_stacks_in_the_repository_have_no_price(environment: str) -> None:
    written = json.loads(read_file(ROOT / "stacks" / f"Pulumi.{environment}.yaml").stack or "")
    unknown = {each["name"] for each in planned(written)["pools"] if each["max_usd_per_hour"] is None}
    # No table of Azure's spot prices is known, nor one of Google's N2 and of its machines with RDMA.
    assert unknown == {"prod-eks": set[str](), "prod-gke": {"system", "h200"}, "prod-aks": {"a10"}}[environment]


def test_a_workload_has_as_many_nodes_as_its_pods_fill() -> None:
    nodes = {each["name"]: (each["min_nodes"], each["max_nodes"]) for each in planned(LOCAL)["workloads"]}
    pods = {each["name"]: (each["min_pods"], each["max_pods"]) for each in planned(LOCAL)["workloads"]}
    assert (pods["assistant"], nodes["assistant"]) == ((1, 3), (1, 3))
    assert (pods["digits"], nodes["digits"]) == ((1, 4), (1, 1))


def test_a_service_with_its_start_and_what_its_model_takes() -> None:
    model = {"huggingface": "Qwen/Qwen2.5-7B-Instruct", "size_gib": 14.2}
    written = stack({"workspaces.chat.services.assistant.model": model})
    services = {each["name"]: each["service"] for each in planned(written)["workloads"]}
    assert services["assistant"] == {
        "startup_seconds": 780,
        "nodes_per_replica": 1,
        "weight_percent": 100,
        "min_usd_per_hour": None,
        "max_usd_per_hour": None,
        "needed_gpu_memory_gib": 16.8,
        "usable_gpu_memory_gib": 22.1,
    }
    assert services["finetune"] is None
    (line,) = (each for each in render(planned(written)).splitlines() if "16.8 of 22.1" in each)
    assert line.split() == ["chat/assistant", "780", "s", "1", "100", "%", "-", "16.8", "of", "22.1"]


def test_every_version_of_a_service_with_its_share_and_costs() -> None:
    written: dict[str, Any] = {
        "cluster": EKS,
        "pools": EKS_POOLS,
        "platform": {"gateway": {}},
        "workspaces": {
            "chat": {
                "services": {
                    "assistant": {
                        "model": {"huggingface": "Qwen/Qwen2.5-7B-Instruct"},
                        "runtime": {"vllm": {}},
                        "pool": "l4",
                        "gpus": 1,
                        "replicas": 4,
                        "route": {},
                        "release": {"canary": {"model": {"revision": "b1c2d3e"}, "weight_percent": 25}},
                    }
                }
            }
        },
    }
    said = planned(written)
    spot = prices()["us-east-1", "g6.xlarge"].spot
    assert spot is not None
    main, canary = said["workloads"]
    assert (main["name"], canary["name"]) == ("assistant", "assistant-canary")
    assert (main["max_pods"], canary["max_pods"]) == (4, 1)
    assert main["service"]
    assert canary["service"]
    assert (main["service"]["weight_percent"], canary["service"]["weight_percent"]) == (75, 25)
    assert main["service"]["max_usd_per_hour"] == pytest.approx(4 * spot)
    assert canary["makes"] == ["Deployment", "Service"]
    assert main["makes"] == ["Deployment", "Service", "PodDisruptionBudget", "HTTPRoute"]
    assert f"{4 * spot:g}-{4 * spot:g}" in render(said)


def test_a_service_over_several_nodes_has_a_pod_on_each() -> None:
    (wide,) = (
        each for each in planned(stack({"workspaces.chat.services.wide": WIDE}))["workloads"] if each["name"] == "wide"
    )
    assert (wide["gpus"], wide["min_pods"], wide["max_pods"]) == (8, 2, 2)
    assert (wide["min_nodes"], wide["max_nodes"]) == (2, 2)
    assert wide["service"]
    assert (wide["service"]["nodes_per_replica"], wide["service"]["startup_seconds"]) == (2, 2700)


def test_prefill_pods_have_nodes_and_costs_of_their_own() -> None:
    written: dict[str, Any] = {
        "cluster": EKS,
        "pools": EKS_POOLS,
        "platform": {"gateway": {"class": "istio", "class_features": ["kv_cache"]}},
        "workspaces": {
            "chat": {
                "services": {
                    "assistant": {
                        "model": {"huggingface": "Qwen/Qwen2.5-7B-Instruct", "size_gib": 14.2},
                        "runtime": {"vllm": {}},
                        "pool": "l4",
                        "gpus": 1,
                        "autoscaling": {"max_replicas": 2, "target": {"cpu_percent": 60}},
                        "route": {"balance": "kv_cache"},
                        "prefill": {"replicas": 2},
                    }
                }
            }
        },
    }
    said = planned(written)
    spot = prices()["us-east-1", "g6.xlarge"].spot
    assert spot is not None
    answers, reads = said["workloads"]
    assert (answers["name"], reads["name"]) == ("assistant", "assistant-prefill")
    assert (answers["min_pods"], answers["max_pods"]) == (1, 2)
    assert (reads["min_pods"], reads["max_pods"], reads["min_nodes"], reads["max_nodes"]) == (2, 2, 2, 2)
    assert reads["makes"] == ["Deployment"]
    assert reads["service"]
    assert reads["service"]["weight_percent"] == 0
    assert reads["service"]["max_usd_per_hour"] == pytest.approx(2 * spot)
    assert reads["service"]["needed_gpu_memory_gib"] == pytest.approx(16.8, abs=0.1)
    (pool,) = (each for each in said["pools"] if each["name"] == "l4")
    assert pool["wanted_gpus"] == 4
    del written["workspaces"]["chat"]["services"]["assistant"]["prefill"]
    assert [each["name"] for each in planned(written)["workloads"]] == ["assistant"]
