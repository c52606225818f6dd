"""Which replica answers a request, by what its caches hold: an InferencePool, and the picker that gateways ask for it.

https://gateway-api-inference-extension.sigs.k8s.io/api-types/inferencepool/ and, of the picker and what it is started
with, https://github.com/llm-d/llm-d-router/tree/v0.10.0/config/charts/routerlib/templates
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.disruptions import make_disruption_budget
from modelyard.kube.labels import labels, selector
from modelyard.kube.placement import prefer_other_nodes, spread
from modelyard.kube.pod_security import container_security, pod_security
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_kinds import INFERENCE_POOL
from modelyard.serving.picker_account import COMPONENT, EXT_PROC_PORT, HEALTH_PORT, PickerAccount, picker_account
from modelyard.serving.prefill_spec import PrefillSpec
from modelyard.serving.route_service_rules import ENGINES
from modelyard.serving.runtimes.runtime import Server
from modelyard.serving.scope import ServiceScope
from modelyard.serving.variants import Variant
from modelyard.versions import ENDPOINT_PICKER_IMAGE

_METRICS_PORT = 9090
_USER_ID = 65532
"""The image's own."""
_GRACE_SECONDS = 130
"""The chart's: as long as requests that it has chosen for may still be answered."""
_CPU, _MEMORY, _MEMORY_LIMIT = "1", "2Gi", "8Gi"
"""Of one picker. The chart asks for 8 CPUs and 8 GiB, which is for thousands of requests a second."""
_REPLICAS_NEEDED = 2
_PARSERS = ("openai-parser", "anthropic-parser", "vllmhttp-parser", "passthrough-parser")
"""Its own default and, as without it all other requests are answered 400, one for those: their prompts are not read.
https://github.com/llm-d/llm-d-router/tree/v0.10.0/pkg/epp/framework/plugins/requesthandling/parsers"""
_READY_CHECK, _LIVE_CHECK = "inference-extension", "liveness"


@dataclass(frozen=True, kw_only=True)
class Pool:
    """An InferencePool. `ready` is what has to be there before requests come."""

    name: str
    ready: Sequence[pulumi.Resource]


def make_inference_pool(scope: ServiceScope, variant: Variant, server: Server, gateway: Gateway) -> Pool:
    """Let gateways ask a picker for each request which pod is to answer it.

    Creates an InferencePool of the version's pods, and a Deployment of the picker with a Service. It chooses by the
    pods' queues, by how full their KV caches are, and by which of them had a prompt with the same beginning. One picker
    runs at a time, as it remembers that; while none does, the gateway takes any pod. A gateway that takes none then has
    two pickers on two nodes if there are two, of which each remembers the prompts that it was asked for, and a
    PodDisruptionBudget that lets one go at a time.

    It runs on nodes without taints, whatever the service's pool is, and asks for one CPU and 2 GiB.

    Args:
        scope: the service.
        variant: the version whose pods answer.
        server: what runs in them.
        gateway: who asks.
    """
    account = picker_account(scope.workspace)
    assert server.metrics_path, "every runtime that pickers know has metrics"
    runtime = variant.spec.runtime.chosen
    assert runtime, "a valid service has one runtime"
    config = picker_config(ENGINES[runtime.NAME], server.metrics_path, variant.spec.prefill)
    role = f"{scope.logical}-picker"
    its_labels = labels(COMPONENT, instance=role, component=COMPONENT, workspace=scope.workspace.workspace_name)
    its_selector = selector(COMPONENT, instance=role, component=COMPONENT)
    service = k8s.core.v1.Service(
        role,
        # Its name is asked for before there are pods, and nothing but the route waits for those.
        metadata=scope.metadata(labels=its_labels, annotations={"pulumi.com/skipAwait": "true"}),
        spec=k8s.core.v1.ServiceSpecArgs(
            type="ClusterIP",
            selector=its_selector,
            ports=[
                k8s.core.v1.ServicePortArgs(
                    name="ext-proc",
                    port=EXT_PROC_PORT,
                    target_port="ext-proc",
                    app_protocol="kubernetes.io/h2c",
                )
            ],
        ),
        opts=scope.options(gateway.ready),
    )
    pool = k8s.apiextensions.CustomResource(
        f"{role}-pool",
        api_version=INFERENCE_POOL.api_version,
        kind=INFERENCE_POOL.kind,
        # The route, its policies and the picker name it.
        metadata=scope.metadata(scope.name),
        spec={
            # A picker chooses among prefill pods too.
            "selector": {"matchLabels": scope.selector if variant.spec.prefill else scope.selector_of(variant)},
            "targetPorts": [{"number": server.port}],
            "endpointPickerRef": {
                "group": "",
                "kind": "Service",
                "name": service.metadata.name,
                "port": {"number": EXT_PROC_PORT},
                "failureMode": "FailOpen",
            },
        },
        opts=scope.options(gateway.ready),
    )
    deployment = k8s.apps.v1.Deployment(
        role,
        metadata=scope.metadata(labels=its_labels),
        spec=k8s.apps.v1.DeploymentSpecArgs(
            # Two at a time each remember half: there are two only where requests fail without one.
            replicas=_REPLICAS_NEEDED if gateway.fails_without_pickers else 1,
            selector=k8s.meta.v1.LabelSelectorArgs(match_labels=its_selector),
            template=k8s.core.v1.PodTemplateSpecArgs(
                metadata=k8s.meta.v1.ObjectMetaArgs(labels=its_labels),
                spec=_pod(scope.name, config, account, its_selector),
            ),
        ),
        opts=scope.options([*account.ready, *gateway.ready, *scope.workspace.before_pods(variant.spec)]),
    )
    if gateway.fails_without_pickers:
        make_disruption_budget(role, scope.metadata(labels=its_labels), its_selector, scope.options())
    return Pool(name=scope.name, ready=[pool, deployment])


def _pod(
    pool_name: str, config: Mapping[str, Any], account: PickerAccount, its_selector: Mapping[str, str]
) -> k8s.core.v1.PodSpecArgs:
    return k8s.core.v1.PodSpecArgs(
        service_account_name=account.name,
        # It watches its pool's pods.
        automount_service_account_token=True,
        affinity=prefer_other_nodes(its_selector),
        topology_spread_constraints=spread(its_selector),
        enable_service_links=False,
        termination_grace_period_seconds=_GRACE_SECONDS,
        security_context=pod_security(_USER_ID),
        containers=[
            k8s.core.v1.ContainerArgs(
                name="picker",
                image=ENDPOINT_PICKER_IMAGE,
                args=_arguments(pool_name, config),
                env=[_field("NAMESPACE", "metadata.namespace"), _field("POD_NAME", "metadata.name")],
                ports=[
                    k8s.core.v1.ContainerPortArgs(name=name, container_port=port)
                    for name, port in (("ext-proc", EXT_PROC_PORT), ("health", HEALTH_PORT), ("metrics", _METRICS_PORT))
                ],
                liveness_probe=_probe(_LIVE_CHECK, 10),
                readiness_probe=_probe(_READY_CHECK, 2),
                resources=k8s.core.v1.ResourceRequirementsArgs(
                    requests={"cpu": _CPU, "memory": _MEMORY}, limits={"memory": _MEMORY_LIMIT}
                ),
                security_context=container_security(_USER_ID, ()),
            )
        ],
    )


def _arguments(pool_name: str, config: Mapping[str, Any]) -> list[str]:
    return [
        f"--pool-name={pool_name}",
        "--pool-namespace=$(NAMESPACE)",
        f"--pool-group={INFERENCE_POOL.group}",
        "--zap-encoder=json",
        f"--grpc-health-port={HEALTH_PORT}",
        "--tracing=false",
        # The workspace's network lets in Prometheus alone.
        "--metrics-endpoint-auth=false",
        f"--config-text={json.dumps(config)}",
    ]


def picker_config(engine: str, metrics_path: str, prefill: PrefillSpec | None = None) -> Mapping[str, Any]:
    """How a picker chooses: the scorers of the chart's own configuration, with their weights.

    With prefill pods it chooses the pod that answers, and by what that has in its cache whether one of them is to read
    the prompt first. https://github.com/llm-d/llm-d-router/blob/v0.10.0/deploy/config/pd-epp-config.yaml
    """
    weights = {"queue-scorer": 2, "kv-cache-utilization-scorer": 2, "prefix-cache-scorer": 3}
    scorers = [{"pluginRef": name, "weight": weight} for name, weight in weights.items()]
    profiles = {role: [{"pluginRef": f"{role}-filter"}, *scorers] for role in ("prefill", "decode")}
    return {
        "apiVersion": "llm-d.ai/v1alpha1",
        "kind": "EndpointPickerConfig",
        "plugins": [
            *({"type": name} for name in weights),
            {"type": "metrics-data-source", "parameters": {"scheme": "http", "path": metrics_path}},
            {"type": "core-metrics-extractor", "parameters": {"defaultEngine": engine}},
            *({"type": name} for name in _PARSERS),
            *(_role_plugins(prefill) if prefill else ()),
        ],
        "requestHandler": {"parsers": [{"pluginRef": name} for name in _PARSERS]},
        "schedulingProfiles": [
            {"name": name, "plugins": plugins}
            for name, plugins in (profiles if prefill else {"default": scorers}).items()
        ],
    }


def _role_plugins(prefill: PrefillSpec) -> list[dict[str, Any]]:
    decider = "prefix-based-pd-decider"
    return [
        {"type": "prefill-filter"},
        {"type": "decode-filter"},
        {"type": decider, "parameters": {"nonCachedTokens": prefill.min_uncached_tokens}},
        {"type": "disagg-profile-handler", "parameters": {"deciders": {"prefill": decider}}},
    ]


def _field(name: str, path: str) -> k8s.core.v1.EnvVarArgs:
    source = k8s.core.v1.EnvVarSourceArgs(field_ref=k8s.core.v1.ObjectFieldSelectorArgs(field_path=path))
    return k8s.core.v1.EnvVarArgs(name=name, value_from=source)


def _probe(check: str, seconds: int) -> k8s.core.v1.ProbeArgs:
    return k8s.core.v1.ProbeArgs(
        grpc=k8s.core.v1.GRPCActionArgs(port=HEALTH_PORT, service=check), period_seconds=seconds
    )
