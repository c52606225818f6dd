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

_EKS_ANY = {
    "vpc-cni": "v1.22.4-eksbuild.3",
    "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
    "eks-node-monitoring-agent": "v1.6.7-eksbuild.1",
    "aws-ebs-csi-driver": "v1.66.0-eksbuild.1",
    "aws-efs-csi-driver": "v3.4.0-eksbuild.1",
    "metrics-server": "v0.9.0-eksbuild.11",
}
EKS: dict[str, dict[str, str]] = {
    "1.35": {**_EKS_ANY, "kube-proxy": "v1.35.3-eksbuild.21", "coredns": "v1.13.2-eksbuild.21"},
    "1.34": {**_EKS_ANY, "kube-proxy": "v1.34.6-eksbuild.29", "coredns": "v1.12.4-eksbuild.29"},
    "1.36": {**_EKS_ANY, "kube-proxy": "v1.36.0-eksbuild.25", "coredns": "v1.14.3-eksbuild.23"},
}
"""Kubernetes minor versions on EKS, the default first, and the add-ons of each by their names in AWS.
Source: `aws eks describe-addon-versions --kubernetes-version 1.35`, in standard support:
https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html"""

GKE: tuple[str, ...] = ("1.35", "1.36")
"""Kubernetes minor versions on GKE, the default first; Google chooses the patch release by channel.
Source: https://cloud.google.com/kubernetes-engine/docs/release-schedule"""

AKS: tuple[str, ...] = ("1.35", "1.34", "1.36")
"""Kubernetes minor versions on AKS, the default first. AKS picks the newest patch release of each, and brings its own
drivers and add-ons with it. Source: https://learn.microsoft.com/azure/aks/supported-kubernetes-versions"""

AWS_LOAD_BALANCER_CONTROLLER = Chart(
    name="aws-load-balancer-controller", repository="https://aws.github.io/eks-charts", version="3.5.0"
)
"""Its policy in `cluster/eks/load_balancers.py` is to be compared with each release's `docs/install/iam_policy.json`.
Source: https://github.com/kubernetes-sigs/aws-load-balancer-controller/releases"""

CLUSTER_AUTOSCALER = Chart(
    name="cluster-autoscaler", repository="https://kubernetes.github.io/autoscaler", version="9.59.0"
)
"""Source: https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/charts/cluster-autoscaler/Chart.yaml"""

CLUSTER_AUTOSCALER_RELEASES: dict[str, str] = {"1.35": "v1.35.2", "1.34": "v1.34.5", "1.36": "v1.36.1"}
"""The cluster autoscaler itself, by Kubernetes minor version: it simulates the scheduler of its own version.
Source: https://github.com/kubernetes/autoscaler/releases"""

KARPENTER = Chart(name="karpenter", repository="oci://public.ecr.aws/karpenter", version="1.14.1")
"""Source: https://github.com/aws/karpenter-provider-aws/releases"""

KARPENTER_CRDS = Chart(name="karpenter-crd", repository="oci://public.ecr.aws/karpenter", version="1.14.1")
"""The kinds of the same Karpenter; raise both charts together."""

KARPENTER_NODE_IMAGES: dict[str, str] = {"al2023": "v20260724", "bottlerocket": "v1.64.0"}
"""Releases of the images that Karpenter starts. A newer one replaces every node, a few at a time. Sources:
https://github.com/awslabs/amazon-eks-ami/releases, https://github.com/bottlerocket-os/bottlerocket/releases"""

NVIDIA_DEVICE_PLUGIN = Chart(
    name="nvidia-device-plugin", repository="https://nvidia.github.io/k8s-device-plugin", version="0.20.0"
)
"""Source: https://github.com/NVIDIA/k8s-device-plugin/releases"""

GPU_OPERATOR = Chart(name="gpu-operator", repository="https://helm.ngc.nvidia.com/nvidia", version="v26.7.0")
"""Brings the same device plugin 0.20.0 and MIG manager 0.15.0. Source: https://github.com/NVIDIA/gpu-operator/releases"""

DCGM_EXPORTER = Chart(
    name="dcgm-exporter", repository="https://nvidia.github.io/dcgm-exporter/helm-charts", version="4.8.2"
)
"""4.9.0 renames most metrics and the chart's values. Source: https://github.com/NVIDIA/dcgm-exporter/releases"""

EFA_DEVICE_PLUGIN = Chart(
    name="aws-efa-k8s-device-plugin", repository="https://aws.github.io/eks-charts", version="v0.5.30"
)
"""Source: https://github.com/aws/eks-charts/blob/master/stable/aws-efa-k8s-device-plugin/Chart.yaml"""

NEURON = Chart(name="neuron-helm-chart", repository="oci://public.ecr.aws/neuron", version="1.10.0")
"""Neuron device plugin 2.32.0. Source: https://github.com/aws-neuron/neuron-helm-charts"""

NVIDIA_DRA_DRIVER = Chart(
    name="dra-driver-nvidia-gpu", repository="oci://registry.k8s.io/dra-driver-nvidia/charts", version="0.4.1"
)
"""Source: https://github.com/kubernetes-sigs/dra-driver-nvidia-gpu/releases"""

AMD_GPU_OPERATOR = Chart(name="gpu-operator-charts", repository="https://rocm.github.io/gpu-operator", version="v1.5.1")
"""Source: https://github.com/ROCm/gpu-operator/blob/v1.5.1/helm-charts-k8s/Chart.yaml"""

AMD_DRIVER = "30.20.1"
"""The driver of AMD's GPUs that the same operator has as its default, from the packages of https://repo.radeon.com.
Source: https://github.com/Azure/aks-rdma-infiniband/blob/main/configs/amd-driver-installer/configmap.yaml"""

NETWORK_OPERATOR = Chart(name="network-operator", repository="https://helm.ngc.nvidia.com/nvidia", version="26.4.1")
"""Source: https://github.com/Mellanox/network-operator/blob/v26.4.1/deployment/network-operator/Chart.yaml"""

NETWORK_OPERATOR_IMAGES: dict[str, str] = {
    "doca-driver": "doca3.4.1-26.04-1.1.0.0-1",
    "k8s-rdma-shared-dev-plugin": "network-operator-v26.4.1",
}
"""What the same operator runs on nodes; raise them together. Source:
https://github.com/Mellanox/network-operator/blob/v26.4.1/example/crs/mellanox.com_v1alpha1_nicclusterpolicy_cr.yaml"""

GIB_IMAGE = "us-docker.pkg.dev/gce-ai-infra/gpudirect-gib/nccl-plugin-gib:v1.1.1"
"""Google's NCCL plugin for RDMA. Source:
https://github.com/GoogleCloudPlatform/container-engine-accelerators/blob/master/gpudirect-rdma/nccl-rdma-installer.yaml"""

TCPX_PLUGIN_VERSION = "v3.1.9"
"""Of Google's NCCL plugin for GPUDirect-TCPX. Source:
https://github.com/GoogleCloudPlatform/container-engine-accelerators/blob/master/gpudirect-tcpx/nccl-tcpx-installer.yaml"""
TCPX_PLUGIN_IMAGE = f"us-docker.pkg.dev/gce-ai-infra/gpudirect-tcpx/nccl-plugin-gpudirecttcpx-dev:{TCPX_PLUGIN_VERSION}"
"""What brings it."""
TCPX_DAEMON_IMAGE = "us-docker.pkg.dev/gce-ai-infra/gpudirect-tcpx/tcpgpudmarxd-dev:v2.0.12"
"""The process beside pods that use it; raise both together. Source:
https://github.com/GoogleCloudPlatform/container-engine-accelerators/blob/master/gpudirect-tcpx/nccl-test-latest.yaml"""

TCPXO_PLUGIN_VERSION = "v1.0.15"
"""Of Google's NCCL plugin for GPUDirect-TCPXO. Source:
https://github.com/GoogleCloudPlatform/container-engine-accelerators/blob/master/gpudirect-tcpxo/README.md"""
TCPXO_PLUGIN_IMAGE = (
    f"us-docker.pkg.dev/gce-ai-infra/gpudirect-tcpxo/nccl-plugin-gpudirecttcpx-dev:{TCPXO_PLUGIN_VERSION}"
)
"""What brings it."""
TCPXO_DAEMON_IMAGE = "us-docker.pkg.dev/gce-ai-infra/gpudirect-tcpxo/tcpgpudmarxd-dev:v1.0.21"
"""The process beside pods that use it, of the same release; raise both together, and the settings of NCCL with them."""

DEVICE_INJECTOR_IMAGE = (
    "gcr.io/gke-release/nri-device-injector@sha256:6e79483d52abdc28454bf186320b10a56b0f117a10e8d65d5c74dbb821a76970"
)
"""What gives containers the devices that annotations of their pod name. Source:
https://github.com/GoogleCloudPlatform/container-engine-accelerators/blob/master/nri_device_injector/nri-device-injector.yaml"""

INSTALLER_IMAGE = "docker.io/library/ubuntu:24.04"
"""What installs packages on nodes. Source: https://hub.docker.com/_/ubuntu"""

PAUSE_IMAGE = "registry.k8s.io/pause:3.10.1"
"""What a pod is once its work on the node is done. Source: https://github.com/kubernetes/kubernetes/tree/master/build/pause"""

ENDPOINT_PICKER_IMAGE = "ghcr.io/llm-d/llm-d-router-endpoint-picker:v0.10.0"
"""What chooses replicas by their caches. Source: https://github.com/llm-d/llm-d-router/releases/tag/v0.10.0"""

PREFILL_PROXY_IMAGE = "ghcr.io/llm-d/llm-d-router-disagg-sidecar:v0.10.0"
"""What asks a prefill pod before a decode server: of the picker's version, which tells it where that pod is. Source:
https://github.com/llm-d/llm-d-router/releases/tag/v0.10.0"""

KUEUE = Chart(name="kueue", repository="oci://registry.k8s.io/kueue/charts", version="0.19.2")
"""Source: https://github.com/kubernetes-sigs/kueue/releases/tag/v0.19.2"""

LEADER_WORKER_SET = Chart(name="lws", repository="oci://registry.k8s.io/lws/charts", version="0.10.0")
"""Source: https://github.com/kubernetes-sigs/lws/releases/tag/v0.10.0"""

ARGO_ROLLOUTS = Chart(name="argo-rollouts", repository="https://argoproj.github.io/argo-helm", version="2.41.0")
"""Argo Rollouts 1.9.0. Source: https://github.com/argoproj/argo-helm/blob/main/charts/argo-rollouts/Chart.yaml"""

GATEWAY_PLUGIN_IMAGE = "ghcr.io/argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi:v0.15.0"
"""Its plugin for the Gateway API, for amd64 and arm64. Source:
https://github.com/argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi/releases/tag/v0.15.0"""

KEDA = Chart(name="keda", repository="https://kedacore.github.io/charts", version="2.20.2")
"""Source: https://github.com/kedacore/charts/blob/main/keda/Chart.yaml"""

ENVOY_GATEWAY = Chart(name="gateway-helm", repository="oci://docker.io/envoyproxy", version="v1.9.0")
"""Brings Gateway API v1.6.1's kinds, where the cluster has none. Source: https://github.com/envoyproxy/gateway/releases"""

ENVOY_AI_GATEWAY = Chart(name="ai-gateway-helm", repository="oci://docker.io/envoyproxy", version="v1.1.0")
"""For Envoy Gateway 1.8.1 and newer, and InferencePool v1. Source: https://aigateway.envoyproxy.io/docs/compatibility"""

ENVOY_AI_GATEWAY_CRDS = Chart(name="ai-gateway-crds-helm", repository="oci://docker.io/envoyproxy", version="v1.1.0")
"""The kinds of the same Envoy AI Gateway; raise both charts together.
Source: https://github.com/envoyproxy/ai-gateway/tree/v1.1.0/manifests/charts/ai-gateway-crds-helm"""

CERT_MANAGER = Chart(name="cert-manager", repository="oci://quay.io/jetstack/charts", version="v1.21.1")
"""Source: https://github.com/cert-manager/cert-manager/releases"""

VLLM_IMAGE = "docker.io/vllm/vllm-openai:v0.33.0"
"""The OpenAI-compatible server that runtime `vllm` runs. Source: https://github.com/vllm-project/vllm/releases"""

SGLANG_IMAGE = "docker.io/lmsysorg/sglang:v0.5.23"
"""The OpenAI-compatible server that runtime `sglang` runs. Source: https://github.com/sgl-project/sglang/releases"""

TRITON_IMAGE = "nvcr.io/nvidia/tritonserver:26.07-py3"
"""Triton 2.71.0. Source: https://docs.nvidia.com/deeplearning/triton-inference-server/release-notes/index.html"""

TEXT_EMBEDDINGS_CUDA_IMAGE = "ghcr.io/huggingface/text-embeddings-inference:cuda-1.9.3"
"""Text Embeddings Inference for NVIDIA GPUs of compute capability 7.5 and above; chooses its kernels when it starts."""
TEXT_EMBEDDINGS_CPU_IMAGE = "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9.3"
"""The same for amd64 processors. Source: https://github.com/huggingface/text-embeddings-inference/releases"""

MLSERVER_IMAGE = "docker.io/seldonio/mlserver:1.7.1"
"""MLServer with all of its runtimes, for amd64. Source: https://github.com/SeldonIO/MLServer/releases"""

RCLONE_IMAGE = "docker.io/rclone/rclone:1.75.0"
"""What downloads models from object stores, for amd64 and arm64. Source: https://github.com/rclone/rclone/releases"""

HUGGINGFACE_HUB_IMAGE = "docker.io/kserve/storage-initializer:v0.20.0"
"""What downloads models from Hugging Face: Python with `huggingface_hub`, for amd64 and arm64. Source:
https://github.com/kserve/kserve/blob/v0.20.0/python/storage-initializer.Dockerfile"""

MLFLOW_IMAGE = "ghcr.io/mlflow/mlflow:v3.14.0-full"
"""What downloads models from MLflow's registry, with the libraries of all object stores. Source:
https://github.com/mlflow/mlflow/blob/master/docker/README.md"""

PYTHON_IMAGE = "docker.io/library/python:3.14.2-alpine3.23"
"""Python and its standard library, in which programs of modelyard's own run. Source: https://hub.docker.com/_/python"""
