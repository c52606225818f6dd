"""What GKE's node auto-provisioning means for pods of a pool: what chooses its nodes, and which taints they have.

Sources: https://cloud.google.com/kubernetes-engine/docs/concepts/about-custom-compute-classes and, for taints,
https://github.com/google/skills/tree/main/skills/cloud/gke-compute-classes,
https://cloud.google.com/kubernetes-engine/docs/how-to/prepare-arm-workloads-for-deployment and
https://cloud.google.com/kubernetes-engine/docs/how-to/provisioningrequest
"""

from modelyard.cluster.spec import PoolSpec, TaintSpec

CLASS_LABEL = "cloud.google.com/compute-class"
"""GKE labels and taints nodes that it makes for a ComputeClass with the name of the class, and adds the toleration to
pods that choose it."""
_SPOT = TaintSpec(key="cloud.google.com/gke-spot", value="true")
_ARM = TaintSpec(key="kubernetes.io/arch", value="arm64")
_QUEUED = TaintSpec(key="cloud.google.com/gke-queued", value="true")


def is_provisioned(spec: PoolSpec, provisioner: str | None = "node_auto_provisioning") -> bool:
    """Whether GKE makes the pool's nodes for pods that wait, of a ComputeClass.

    A pool that always has nodes is a node pool, as what GKE makes by itself has no least size.

    Args:
        spec: the pool's.
        provisioner: the cluster's.
    """
    return provisioner == "node_auto_provisioning" and not spec.min_nodes


def class_selector(name: str) -> dict[str, str]:
    """What pods of a pool choose their nodes by where GKE makes them.

    By nothing else: the pool's own label is on its nodes too, but GKE asks for no further one beside the class.
    """
    return {CLASS_LABEL: name}


def added_taints(name: str, spec: PoolSpec, provisioner: str | None) -> tuple[TaintSpec, ...]:
    """Taints that GKE sets on a pool's nodes by itself, accelerators' apart.

    Args:
        name: the pool's.
        spec: the pool's.
        provisioner: the cluster's.
    """
    if spec.capacity == "queued":
        return (_QUEUED,)
    if not is_provisioned(spec, provisioner):
        return ()
    found = [TaintSpec(key=CLASS_LABEL, value=name)]
    if spec.capacity == "spot":
        found.append(_SPOT)
    if spec.request(name, "gcp").architecture == "arm64":
        found.append(_ARM)
    return tuple(found)
