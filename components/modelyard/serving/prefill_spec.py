"""What a user writes of pods that do nothing but the prefill: they read prompts, and others write the answers.

What llm-d needs for that: https://github.com/llm-d/llm-d-router/blob/v0.10.0/docs/disaggregation.md. Imports no Pulumi
package.
"""

from modelyard.gpu.spec import Gpus
from modelyard.serving.runtimes.vllm import DECODE_PORT, PORT
from modelyard.spec import Amount, Count, Name, spec
from modelyard.versions import PREFILL_PROXY_IMAGE
from modelyard.workspace.container_spec import SidecarSpec

PREFILL = "prefill"
"""The field of a service, the variant that such pods are, and what follows the service's name in theirs."""
PROXY = "prefill-proxy"
"""The container beside a decode server that asks a prefill pod first."""
UNCACHED_TOKENS = 512
"""As the picker's documentation has it in its example.
https://github.com/llm-d/llm-d-router/blob/v0.10.0/pkg/epp/framework/plugins/scheduling/profilehandler/disagg/README.md
"""
_PROXY_CPUS, _PROXY_MEMORY_GIB = 0.5, 1.0
"""Our estimate of what passing on requests and streams takes. A request is kept until a prefill pod has read it."""


@spec
class PrefillSpec:
    """Pods of their own that read prompts. What is left out is the service's own."""

    replicas: Count = 1
    """How many pods read prompts, beside the service's own, which write the answers. They are not autoscaled."""
    pool: Name | None = None
    """The pool that they run on, with the service's accelerator."""
    gpus: Gpus | None = None
    """GPUs of each, over which it splits the layers: as many as the service's pods have, or a part of that which goes
    into it evenly."""
    cpus: Amount | None = None
    """vCPUs each asks for. Left out: the service's, or where pool or gpus differ what goes with the GPUs."""
    memory_gib: Amount | None = None
    """Memory each asks for, GiB. Left out: likewise."""
    min_uncached_tokens: Count = UNCACHED_TOKENS
    """How many tokens of a prompt must be in no cache of the pod that will answer for them to be read by a prefill pod;
    with fewer, that pod reads them itself. 512, as what moves with a short prompt takes longer than reading it. Set 1
    for every prompt that is not wholly cached."""


def prefill_proxy() -> SidecarSpec:
    """What takes the port of a decode server, asks the prefill pod that the picker chose first, and then the server.

    https://github.com/llm-d/llm-d-router/blob/v0.10.0/pkg/sidecar/proxy/options.go
    """
    return SidecarSpec(
        name=PROXY,
        image=PREFILL_PROXY_IMAGE,
        args=[
            f"--port={PORT}",
            f"--model-server-port={DECODE_PORT}",
            "--kv-connector=nixlv2",
            # It would serve by TLS with a certificate of its own making, which no client knows.
            "--secure-proxy=false",
        ],
        cpus=_PROXY_CPUS,
        memory_gib=_PROXY_MEMORY_GIB,
    )
