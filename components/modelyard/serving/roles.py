"""Pods whose servers do a part of each request: how pickers know them, and what stands before those that answer.

https://github.com/llm-d/llm-d-router/blob/v0.10.0/pkg/epp/framework/plugins/scheduling/filter/bylabel/roles.go
"""

from dataclasses import replace

from modelyard.kube.containers import Container
from modelyard.kube.pods import Pod
from modelyard.kube.probes import Check, liveness_probe, readiness_probe, startup_probe
from modelyard.serving.prefill_spec import PROXY
from modelyard.serving.runtimes.runtime import Server
from modelyard.serving.variants import Variant

_ROLE = "llm-d.ai/role"
_PROXY_STARTUP_SECONDS = 60


def with_role(variant: Variant, server: Server, pod: Pod) -> Pod:
    """The pod of a version as pickers know it, where its servers do a part of each request."""
    if not variant.role:
        return pod
    sidecars = [_probed(each, server.port) if each.name == PROXY else each for each in pod.sidecars]
    return replace(pod, labels={**pod.labels, _ROLE: variant.role}, sidecars=sidecars)


def _probed(proxy: Container, port: int) -> Container:
    """The proxy with its probes. It names no port, as the server's container has named its own for it."""
    ready, live = Check(port=port, path="/health"), Check(port=port)
    return replace(
        proxy,
        startup=startup_probe(ready, budget_seconds=_PROXY_STARTUP_SECONDS),
        readiness=readiness_probe(ready),
        liveness=liveness_probe(live),
    )
