"""Pods that read prompts for a service's own: what they are, and what can be wrong with them. Imports no Pulumi
package.

Sources: https://docs.vllm.ai/en/stable/features/nixl_connector_compatibility/ and
https://github.com/llm-d/llm-d/blob/main/docs/operations/disaggregation/vllm.md
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.platform.kserve_kind import KSERVE
from modelyard.serving.prefill_spec import PREFILL
from modelyard.serving.runtimes.runtime import flag_of
from modelyard.serving.runtimes.vllm import KV_TRANSFER_FLAG, VllmSpec
from modelyard.serving.variants import Variant
from modelyard.spec import rule_problems

if TYPE_CHECKING:
    from modelyard.serving.spec import ModelServiceSpec

_VENDORS = ("nvidia", "amd")
"""Whose GPUs' memory NIXL reads."""
_SEVERAL_SERVERS = "makes several servers of a pod's one, and the proxy before it knows one"
_REFUSED_FLAGS: Mapping[str, str] = {
    KV_TRANSFER_FLAG: "is how caches move from prefill pods",
    "--data-parallel-size": _SEVERAL_SERVERS,
    "-dp": _SEVERAL_SERVERS,
}


def prefill_variant(service: "ModelServiceSpec") -> Variant | None:
    """The prefill pods of a service as one more version of it, to which no request is sent; None without any."""
    prefill = service.prefill
    if not prefill:
        return None
    differs = prefill.pool is not None or prefill.gpus is not None
    runtime = service.runtime
    if prefill.gpus is not None and runtime.vllm:
        runtime = replace(runtime, vllm=replace(runtime.vllm, tensor_parallel=None))
    its_cpus, its_memory_gib = prefill.cpus is not None or differs, prefill.memory_gib is not None or differs
    spec = replace(
        service,
        prefill=None,
        release=None,
        route=None,
        autoscaling=None,
        spare_replicas=0,
        replicas=prefill.replicas,
        runtime=runtime,
        pool=prefill.pool or service.pool,
        gpus=service.gpus if prefill.gpus is None else prefill.gpus,
        cpus=prefill.cpus if its_cpus else service.cpus,
        cpu_limit=None if its_cpus else service.cpu_limit,
        memory_gib=prefill.memory_gib if its_memory_gib else service.memory_gib,
        memory_limit_gib=None if its_memory_gib else service.memory_limit_gib,
        shared_memory_gib=None if its_memory_gib else service.shared_memory_gib,
    )
    return Variant(label=PREFILL, service_suffix=PREFILL, spec=spec, path=PREFILL)


def service_prefill_problems(service: "ModelServiceSpec") -> Iterator[Problem]:
    """Why a service cannot have prefill pods, as far as that needs no pool."""
    its = prefill_variant(service)
    if not its:
        return
    vllm = service.runtime.vllm
    if not vllm:
        why = "moves caches between servers, which vllm alone does here"
        yield Problem(path=PREFILL, why=why, fix="leave it out, or use vllm")
        return
    if not service.route or service.route.balance != "kv_cache":
        why = "needs a picker, which chooses a prefill pod for each request beside the one that answers"
        yield Problem(path=PREFILL, why=why, fix="set route: {balance: kv_cache}")
    if service.backend == KSERVE:
        why = "is made of Deployments here, and KServe would make the pods that answer"
        yield Problem(path=PREFILL, why=why, fix="leave it out, or leave backend out")
    if service.autoscaling and not service.min_replicas:
        why = "with 0, prefill pods would be all that is left, and they are none that answer"
        yield Problem(path="autoscaling.min_replicas", why=why, fix="use 1 or more, or leave prefill out")
    yield from _server_problems(vllm)
    if service.gpu_count and (not its.spec.gpu_count or service.gpu_count % its.spec.gpu_count):
        why = (
            f"a layer's cache goes from {its.spec.gpu_count} GPUs to {service.gpu_count}, each of which reads from one"
        )
        yield Problem(path=f"{PREFILL}.gpus", why=why, fix="use as many as the service, or a whole part of that")
    elif its.spec.gpu_count != service.gpu_count and not vllm.max_model_len:
        why = (
            "is missing: each server would take the longest that fits in its own GPUs, and prefill pods have fewer, so"
        )
        path = f"runtime.{vllm.NAME}.max_model_len"
        yield Problem(path=path, why=f"{why} that prompts of other lengths fail", fix="set it")
    known = set(rule_problems(replace(service, prefill=None, release=None)))
    yield from (problem.under(PREFILL) for problem in rule_problems(its.spec) if problem not in known)


def _server_problems(vllm: VllmSpec) -> Iterator[Problem]:
    path = f"runtime.{vllm.NAME}"
    if vllm.pipeline_parallel > 1:
        # https://github.com/vllm-project/vllm/issues/40674
        why = "divides the layers among groups of GPUs, whose caches vLLM's NixlConnector does not move"
        fix = "use tensor_parallel, or leave prefill out"
        yield Problem(path=f"{path}.pipeline_parallel", why=why, fix=fix)
    for index, argument in enumerate(vllm.extra_args):
        # Parts of a value are arguments too: --kv-transfer-config.kv_role=kv_both.
        flag = flag_of(argument).partition(".")[0]
        if flag in _REFUSED_FLAGS:
            why = f"{flag} {_REFUSED_FLAGS[flag]}"
            yield Problem(path=f"{path}.extra_args[{index}]", why=why, fix="leave it out, or leave prefill out")


def prefill_problems_on(service: "ModelServiceSpec", pools: Mapping[str, Pool]) -> Iterator[Problem]:
    """Why caches cannot move between the pools of a service's pods. Each of the pools is known to do for its own."""
    its = prefill_variant(service)
    if not its:
        return
    pool, its_pool = pools[service.pool], pools[its.spec.pool]
    if not pool.accelerator or not its_pool.accelerator:
        return
    if pool.accelerator.vendor not in _VENDORS:
        why = f"caches are read out of memory of GPUs, and pool {pool.name} has {pool.accelerator.name}"
        yield Problem(path=PREFILL, why=why, fix="leave it out, or use a pool with GPUs of NVIDIA or AMD")
    elif pool.accelerator.name != its_pool.accelerator.name:
        have = f"pool {its_pool.name} has {its_pool.accelerator.name}, and pool {pool.name} {pool.accelerator.name}"
        why = f"{have}: servers whose GPU has them compute otherwise refuse each other's caches"
        yield Problem(path=f"{PREFILL}.pool", why=why, fix="use a pool with the service's accelerator")
