"""Pods that read prompts for those that answer: what can be wrong with them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.errors import ConfigError
from modelyard.gpu.spec import GpuSliceSpec
from modelyard.serving.adapter_spec import AdapterSpec
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.prefill_spec import PrefillSpec
from modelyard.serving.release_spec import CanarySpec, ReleaseSpec
from modelyard.serving.route_access_spec import ApiKeysSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.runtimes.sglang import SglangSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.variants import variant_name_problems
from modelyard.serving.verify_spec import VerifyRequestSpec, VerifySpec
from modelyard.spec import load_json, validate
from modelyard.stack.spec import load_stack
from modelyard.workspace.container_spec import MountSpec, SidecarSpec
from modelyard.workspace.place import Place
from tests.support.clusters import POOLS
from tests.unit.serving.test_spec import VLLM, vllm

APART = replace(
    VLLM,
    runtime=vllm(max_model_len=32768),
    pool="h100",
    gpus=4,
    route=RouteSpec(balance="kv_cache"),
    prefill=PrefillSpec(replicas=3, gpus=1),
)
MORE_POOLS = {
    **POOLS,
    "h100-too": resolve_pool("h100-too", PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=1)),
    "tpu": resolve_pool("tpu", PoolSpec(accelerator="tpu-v6e", gpus_per_node=4, cpus=180, memory_gib=720, max_nodes=4)),
}
MANY_GPUS = "a layer's cache goes from {} GPUs to 4, each of which reads from one"
DIVIDE = "use as many as the service, or a whole part of that"


def apart(prefill: PrefillSpec | None = None, **fields: Any) -> ModelServiceSpec:
    return replace(APART, prefill=prefill or APART.prefill, **fields)


def of_spec(service: ModelServiceSpec) -> list[str]:
    try:
        validate(service)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def on(service: ModelServiceSpec, pools: dict[str, Pool] = MORE_POOLS, **place: Any) -> list[str]:
    return [str(problem) for problem in service.problems_on(Place(pools=pools, **place))]


@pytest.mark.parametrize("near", [
    APART,
    apart(PrefillSpec()),
    apart(PrefillSpec(gpus=2, cpus=8, memory_gib=64, min_uncached_tokens=1)),
    apart(PrefillSpec(gpus=4, pool="h100-too")),
    apart(PrefillSpec(), runtime=vllm(tensor_parallel=4)),
    apart(runtime=vllm(max_model_len=32768, extra_args=["--block-size=128"])),
    apart(adapters={"sql": AdapterSpec(huggingface="a/sql")}),
    apart(autoscaling=AutoscalingSpec(min_replicas=1, max_replicas=2, target=TargetSpec(cpu_percent=60))),
    apart(release=ReleaseSpec()),
    apart(PrefillSpec(), pool="l4", gpus=1, replicas=2),
    apart(sidecars=[SidecarSpec(image="a/b:1", port=8100)], memory_gib=100, memory_limit_gib=100),
    replace(APART, prefill=None, route=None, runtime=vllm(extra_args=["--kv-transfer-config={}"])),
])  # fmt: skip
def test_what_can_run_is_accepted(near: ModelServiceSpec) -> None:
    assert of_spec(near) == []
    assert on(near) == []


@pytest.mark.parametrize(
    ("service", "message"),
    [
        (
            apart(runtime=RuntimeSpec(sglang=SglangSpec())),
            "prefill: moves caches between servers, which vllm alone does here; leave it out, or use vllm",
        ),
        (
            apart(route=RouteSpec()),
            (
                "prefill: needs a picker, which chooses a prefill pod for each request beside the one that answers; "
                "set route: {balance: kv_cache}"
            ),
        ),
        (
            apart(route=None),
            (
                "prefill: needs a picker, which chooses a prefill pod for each request beside the one that answers; "
                "set route: {balance: kv_cache}"
            ),
        ),
        (
            apart(backend="kserve"),
            (
                "prefill: is made of Deployments here, and KServe would make the pods that answer; "
                "leave it out, or leave backend out"
            ),
        ),
        (
            apart(release=ReleaseSpec(canary=CanarySpec(weight_percent=10))),
            (
                "route.balance: a picker knows the pods of one version, and canary has several; "
                "leave it out while there is a canary"
            ),
        ),
        (
            apart(PrefillSpec(), runtime=vllm(tensor_parallel=2, pipeline_parallel=2)),
            (
                "runtime.vllm.pipeline_parallel: divides the layers among groups of GPUs, whose caches vLLM's "
                "NixlConnector does not move; use tensor_parallel, or leave prefill out"
            ),
        ),
        (
            apart(PrefillSpec(), runtime=vllm(extra_args=["-O3", "--kv-transfer-config.kv_role=kv_both"])),
            (
                "runtime.vllm.extra_args[1]: --kv-transfer-config is how caches move from prefill pods; "
                "leave it out, or leave prefill out"
            ),
        ),
        (
            apart(PrefillSpec(), runtime=vllm(extra_args=["--data_parallel_size=2"])),
            (
                "runtime.vllm.extra_args[0]: --data-parallel-size makes several servers of a pod's one, and the proxy "
                "before it knows one; leave it out, or leave prefill out"
            ),
        ),
        (
            apart(PrefillSpec(gpus=1), runtime=vllm()),
            (
                "runtime.vllm.max_model_len: is missing: each server would take the longest that fits in its own GPUs, "
                "and prefill pods have fewer, so that prompts of other lengths fail; set it"
            ),
        ),
        (apart(PrefillSpec(gpus=3)), f"prefill.gpus: {MANY_GPUS.format(3)}; {DIVIDE}"),
        (apart(PrefillSpec(gpus=8)), f"prefill.gpus: {MANY_GPUS.format(8)}; {DIVIDE}"),
        (
            apart(PrefillSpec(gpus=GpuSliceSpec(mig="1g.10gb", count=2))),
            (
                "prefill.gpus.count: of 2 slices of GPUs, CUDA shows a program the first only; "
                "use 1, of a larger profile, or whole GPUs"
            ),
        ),
        (
            apart(sidecars=[SidecarSpec(image="a/b:1", name="prefill-proxy")]),
            "sidecars[0].name: prefill-proxy is the name of what asks a service's prefill pods; choose another",
        ),
        (
            apart(sidecars=[SidecarSpec(image="a/b:1", port=8200)]),
            (
                "sidecars[0].port: 8200 is the port of the workload's own container too, and containers of a pod share "
                "their ports; choose another"
            ),
        ),
    ],
)
def test_what_cannot_run_is_refused(service: ModelServiceSpec, message: str) -> None:
    assert of_spec(service) == [message]


def test_prefill_pods_alone_answer_nobody() -> None:
    target = TargetSpec(requests_per_second=2)
    service = apart(autoscaling=AutoscalingSpec(min_replicas=0, max_replicas=2, target=target))
    assert of_spec(service) == [
        (
            "autoscaling.min_replicas: with 0, prefill pods would be all that is left, and they are none that answer; "
            "use 1 or more, or leave prefill out"
        )
    ]


@pytest.mark.parametrize(
    ("service", "message"),
    [
        (
            apart(PrefillSpec(gpus=1, pool="l4")),
            (
                "prefill.pool: pool l4 has l4, and pool h100 h100: servers whose GPU has them compute otherwise refuse "
                "each other's caches; use a pool with the service's accelerator"
            ),
        ),
        (
            apart(PrefillSpec(pool="nowhere")),
            "prefill.pool: 'nowhere' is not a pool of this stack; use one of h100, h100-too, l4, mi300x, system, tpu",
        ),
        (
            apart(PrefillSpec(gpus=1, replicas=17)),
            (
                "prefill.replicas: 17 are too many, as pool h100 has room for 16 at its max_nodes of 2; lower it, or "
                "raise the pool's max_nodes"
            ),
        ),
        (
            apart(PrefillSpec(gpus=1, replicas=9), replicas=2),
            (
                "prefill: 2 of main, 9 of prefill take at least 3 nodes, an update's included, and pool h100 has 2; "
                "raise the pool's max_nodes, or give the others fewer replicas"
            ),
        ),
        (
            apart(PrefillSpec(), pool="tpu", gpus=4, runtime=vllm(image="a/b:1")),
            (
                "prefill: caches are read out of memory of GPUs, and pool tpu has tpu-v6e; leave it out, or use a pool "
                "with GPUs of NVIDIA or AMD"
            ),
        ),
    ],
)
def test_what_cannot_run_on_these_pools_is_refused(service: ModelServiceSpec, message: str) -> None:
    assert of_spec(service) == []
    assert on(service) == [message]


def test_as_many_fit_as_the_nodes_have_gpus_for() -> None:
    assert on(apart(PrefillSpec(gpus=1, replicas=8), replicas=2, surge=0)) == []


def test_pods_of_both_kinds_mount_a_volume_at_once() -> None:
    mounts = [MountSpec(path="/kept", volume="kept")]
    service = apart(PrefillSpec(pool="h100-too", gpus=4), mounts=mounts, surge=0)
    place: dict[str, Any] = {"volumes": ["kept"], "unshared_volumes": ["kept"]}
    assert on(service, **place) == [
        (
            "prefill: volume kept can be on one node at a time, and pods of main and prefill mount it at once; "
            "set shared: true on volume kept"
        )
    ]
    assert on(replace(service, prefill=None), **place) == []


def test_keys_of_its_route_are_the_workspaces_secrets() -> None:
    route = RouteSpec(balance="kv_cache", api_keys=ApiKeysSpec(clients={"search": "search-key"}))
    assert on(apart(route=route)) == [
        "route.api_keys.clients.search: 'search-key' is no secret of this workspace; add it under secrets"
    ]
    assert on(apart(route=route), secrets=["search-key"]) == []


def test_its_pods_have_a_name_that_fits() -> None:
    (problem,) = variant_name_problems("chat", "a" * 31, APART)
    assert problem.path == "prefill"
    assert not list(variant_name_problems("chat", "a" * 30, APART))


def test_a_verification_has_room_beside_both_kinds() -> None:
    asked = ReleaseSpec(verify=VerifySpec(requests=[VerifyRequestSpec(path="/v1/models")]))
    service = apart(PrefillSpec(gpus=1, replicas=8), replicas=2, surge=0, release=asked)
    assert on(service) == [
        (
            "release.verify: the new version is verified in a pod beside 2 replicas, and pool h100 has room for 2 at "
            "its max_nodes of 2; raise the pool's max_nodes, or lower the replicas"
        )
    ]
    assert on(apart(PrefillSpec(gpus=1, replicas=4), replicas=2, surge=0, release=asked)) == []


def test_no_other_workload_has_their_name() -> None:
    service: dict[str, Any] = {
        "pool": "l4",
        "gpus": 1,
        "model": {"huggingface": "a/b"},
        "runtime": {"vllm": {}},
        "route": {"balance": "kv_cache"},
        "prefill": {},
    }
    other: dict[str, Any] = {"pool": "l4", "gpus": 1, "model": {"huggingface": "a/b"}, "runtime": {"vllm": {}}}
    written: dict[str, Any] = {
        "cluster": {"local": {"engine": "kwok"}},
        "pools": {"l4": {"accelerator": "l4", "max_nodes": 4}},
        "platform": {"gateway": {"class": "istio", "class_features": ["kv_cache"]}},
        "workspaces": {"chat": {"services": {"assistant": service, "assistant-prefill": other}}},
    }
    with pytest.raises(ConfigError) as caught:
        load_stack(json.dumps(written))
    assert str(caught.value) == (
        "workspaces.chat.services.assistant.prefill: would be named chat-assistant-prefill, as "
        "workspaces.chat.services.assistant-prefill is; rename one of them"
    )
    services: dict[str, Any] = written["workspaces"]["chat"]["services"]
    services["assistant-pre"] = services.pop("assistant-prefill")
    assert load_stack(json.dumps(written))


def test_yaml_says_it_as_python_does() -> None:
    written = {
        "pool": "h100",
        "gpus": 4,
        "model": {"huggingface": "Qwen/Qwen2.5-7B-Instruct"},
        "runtime": {"vllm": {"max_model_len": 32768}},
        "route": {"balance": "kv_cache"},
        "prefill": {"replicas": 3, "gpus": 1},
    }
    assert load_json(ModelServiceSpec, json.dumps(written)) == APART
