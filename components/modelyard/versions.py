"""Every version that modelyard pins, each with its source. Nothing else in the library names a version."""

from dataclasses import dataclass

KUBERNETES: dict[str, str] = {"1.35": "1.35.4"}
"""Supported Kubernetes minor versions, the default first, and the patch release that local clusters run.
Source: https://kubernetes.io/releases/"""

KIND_NODE_IMAGES: dict[str, str] = {
    "1.35": "kindest/node:v1.35.8@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0",
}
"""The image of kind's nodes by Kubernetes minor version, for amd64 and arm64. kind supports an image with the release
that lists it. Source: https://github.com/kubernetes-sigs/kind/releases/tag/v0.33.0"""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Helm chart at one version.

    Attributes:
        name: the chart's own name, the same in its repository and in a mirror.
        repository: where it is published: an OCI path that ends before the name, or the URL of an HTTPS repository.
        version: the chart's version, which is not that of the program in it.
    """

    name: str
    repository: str
    version: str


KUBE_PROMETHEUS_STACK = Chart(
    name="kube-prometheus-stack", repository="oci://ghcr.io/prometheus-community/charts", version="88.5.3"
)
"""Prometheus Operator 0.93.1, Prometheus 3.14.0, Alertmanager, kube-state-metrics 2.20.0, node-exporter 1.12.1.
Source: https://github.com/prometheus-community/helm-charts/blob/main/charts/kube-prometheus-stack/Chart.yaml"""

PROMETHEUS_OPERATOR_CRDS = Chart(
    name="prometheus-operator-crds", repository="oci://ghcr.io/prometheus-community/charts", version="31.0.1"
)
"""The kinds of the same Prometheus Operator; raise both charts together.
Source: https://github.com/prometheus-community/helm-charts/blob/main/charts/prometheus-operator-crds/Chart.yaml"""

VLLM_IMAGE = "docker.io/vllm/vllm-openai:v0.33.0"
"""The OpenAI-compatible server that runtime `vllm` runs. Source: https://github.com/vllm-project/vllm/releases"""
