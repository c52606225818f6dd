"""The namespaces that are the platform's own: no workspace has their names, and network policies name them."""


def kinds_namespace(operator: str) -> str:
    """Where Helm keeps its record of an operator's kinds, where they have a chart of their own. Nothing runs in it."""
    return f"{operator}-kinds"


MONITORING = "monitoring"
"""Where Prometheus runs, from where it reads the pods of every workspace."""
MONITORING_NODES = "monitoring-nodes"
"""Where node-exporter runs: it reads the node's own files, which only pod security `privileged` lets it."""

# Agents of nodes that handle accelerators. Each needs the node's own files, hence a namespace that enforces no more
# than `privileged`, and one of its own, so that none of them has the secrets of another.
NVIDIA_DEVICE_PLUGIN = "nvidia-device-plugin"
"""Where NVIDIA's device plugin runs."""
NVIDIA_DRA_DRIVER = "nvidia-dra-driver"
"""Where NVIDIA's driver for Dynamic Resource Allocation runs."""
GPU_OPERATOR = "gpu-operator"
"""Where NVIDIA's GPU operator runs."""
DCGM_EXPORTER = "dcgm-exporter"
"""Where the exporter of NVIDIA's metrics runs."""
EFA_DEVICE_PLUGIN = "efa-device-plugin"
"""Where the device plugin of AWS's fabric runs."""
NEURON_DEVICE_PLUGIN = "neuron-device-plugin"
"""Where the device plugin of AWS's own accelerators runs."""
AMD_GPU_OPERATOR = "amd-gpu-operator"
"""Where AMD's GPU operator runs."""
AMD_DRIVER = "amd-driver-installer"
"""Where what installs the driver of AMD's GPUs runs."""
NETWORK_OPERATOR = "network-operator"
"""Where NVIDIA's network operator runs."""
GIB = "gib-installer"
"""Where what installs Google's NCCL plugin runs."""
TCPX = "tcpx-installer"
"""Where what installs Google's NCCL plugin for GPUDirect-TCPX runs."""
TCPXO = "tcpxo-installer"
"""Where what installs Google's NCCL plugin for GPUDirect-TCPXO runs."""
DEVICE_INJECTOR = "device-injector"
"""Where what gives containers the devices that annotations of their pods name runs."""
GKE_DRIVER = "gke-driver-installer"
"""Where what installs NVIDIA's driver runs, on nodes of GKE on which GKE does not."""

KUEUE = "kueue"
"""Where Kueue runs, which lets jobs wait in queues."""
LEADER_WORKER_SET = "leader-worker-set"
"""Where the controller of groups of pods runs, each of which is one model server over several nodes."""
ARGO_ROLLOUTS = "argo-rollouts"
"""Where Argo Rollouts runs, which moves requests to new versions of services in steps."""
KEDA = "keda"
"""Where KEDA runs, which scales services by what Prometheus knows."""

# What makes and removes nodes, on clusters whose cloud does not do it by itself.
CLUSTER_AUTOSCALER = "cluster-autoscaler"
"""Where the cluster autoscaler runs."""
KARPENTER = "karpenter"
"""Where Karpenter runs."""

LOAD_BALANCERS = "aws-load-balancer-controller"
"""Where the controller of AWS's load balancers runs."""

GATEWAY = "gateway"
"""Where the gateway is, from where it opens connections to the services of every workspace."""
ENVOY_GATEWAY = "envoy-gateway"
"""Where Envoy Gateway runs, which runs the gateway's Envoy in the namespace above."""
ENVOY_AI_GATEWAY = "envoy-ai-gateway"
"""Where Envoy AI Gateway runs, which tells Envoy to ask pickers of replicas."""
CERT_MANAGER = "cert-manager"
"""Where cert-manager runs."""

PLATFORM_NAMESPACES = (
    MONITORING,
    MONITORING_NODES,
    kinds_namespace(MONITORING),
    NVIDIA_DEVICE_PLUGIN,
    NVIDIA_DRA_DRIVER,
    GPU_OPERATOR,
    DCGM_EXPORTER,
    EFA_DEVICE_PLUGIN,
    NEURON_DEVICE_PLUGIN,
    AMD_GPU_OPERATOR,
    AMD_DRIVER,
    NETWORK_OPERATOR,
    GIB,
    TCPX,
    TCPXO,
    DEVICE_INJECTOR,
    GKE_DRIVER,
    KUEUE,
    KEDA,
    ARGO_ROLLOUTS,
    LEADER_WORKER_SET,
    CLUSTER_AUTOSCALER,
    KARPENTER,
    kinds_namespace(KARPENTER),
    LOAD_BALANCERS,
    GATEWAY,
    ENVOY_GATEWAY,
    ENVOY_AI_GATEWAY,
    kinds_namespace(ENVOY_AI_GATEWAY),
    CERT_MANAGER,
)
"""All of them."""
