"""AWS's fast network EFA, the only one that modelyard sets up: what nodes keep for it, and what containers get.

Sources: https://docs.aws.amazon.com/eks/latest/userguide/node-efa.html,
https://github.com/aws/eks-charts/tree/master/stable/aws-efa-k8s-device-plugin
"""

FABRIC_CLOUD = "aws"
"""The cloud whose machines have it."""
EFA = "vpc.amazonaws.com/efa"
"""The resource that its device plugin serves."""
HUGE_PAGES = "hugepages-2Mi"
"""The resource that huge pages are."""
HUGE_PAGES_2MIB = 5128
"""Huge pages of 2 MiB on nodes with EFA: as many as AWS reserves where it installs EFA's software itself."""
HUGE_PAGES_MIB = HUGE_PAGES_2MIB * 2 // 1024 * 1024
"""What of them the pods of a node can have together, MiB: whole GiB."""
CONTAINER_ENV = {"FI_PROVIDER": "efa"}
CONTAINER_CAPABILITIES = ("IPC_LOCK",)
"""What AWS's own samples give a container."""


def huge_pages(mib: int, gpus: int, of: int) -> dict[str, str]:
    """The huge pages that go with so many of a node's GPUs, as a quantity: their share, in whole pages.

    Args:
        mib: huge pages of the node, MiB; nothing is asked for where there are none.
        gpus: GPUs of a pod.
        of: GPUs of the node.
    """
    share = mib * gpus // of // 2 * 2
    return {HUGE_PAGES: f"{share}Mi"} if share else {}
