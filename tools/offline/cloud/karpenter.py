"""What Karpenter does whichever cloud it makes nodes in: a waiting pod makes a node of a NodePool that would take it.

Of the machine types that would do, the smallest is taken. https://karpenter.sh/docs/concepts/nodepools/
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from tools.offline.cloud import nodes, pods
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.common.values import Json, as_map
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import NoMatchError

NODE_POOL_LABEL = "karpenter.sh/nodepool"


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A node that a NodePool could make.

    Attributes:
        pool: the NodePool's name.
        node: the node.
    """

    pool: str
    node: nodes.Node


AnyOffer = TypeVar("AnyOffer", bound=Offer)


def node_pools(api: Client) -> list[Json] | None:
    """The NodePools that are not on their way out; None where the cluster does not know the kind."""
    try:
        pools = api.list_objects("karpenter.sh/v1", "NodePool")
    except NoMatchError:
        return None
    return [pool for pool in pools if not pool["metadata"].get("deletionTimestamp")]


def serve_pods(
    api: Client, plans: Plans, offers: Callable[[], Iterable[AnyOffer]], start: Callable[[AnyOffer], None]
) -> None:
    """Start a node for each waiting pod that no node on its way is for.

    Args:
        api: of the cluster.
        plans: nodes on their way.
        offers: every node that could be made now, of all NodePools with room.
        start: makes one.
    """
    room = plans.room()
    for pod in pods.waiting(api):
        if room.take(pod):
            continue
        fitting = [offer for offer in offers() if _takes(offer.node, pod)]
        if fitting:
            chosen = smallest(fitting)
            start(chosen)
            room.add(chosen.node)
            room.take(pod)


def smallest(offers: Iterable[AnyOffer]) -> AnyOffer:
    """The one with the least CPUs, and of those with the least memory."""
    return min(offers, key=lambda each: (each.node.machine.cpus, each.node.machine.memory_gib))


def _takes(node: nodes.Node, pod: Json) -> bool:
    return pods.fits(pod, nodes.labels_of("any", node), node.taints, nodes.allocatable(node))


def size(session: Session, plans: Plans, pool: Json) -> int:
    """How many nodes a NodePool has, those on their way among them."""
    name = pool["metadata"]["name"]
    return len(nodes.of(session, {NODE_POOL_LABEL: name})) + plans.count(name)


def has_room(session: Session, plans: Plans, pool: Json) -> bool:
    """Whether a NodePool is below its limits on nodes, on CPUs and on devices."""
    name = pool["metadata"]["name"]
    limits = as_map(as_map(pool["spec"]).get("limits"))
    if "nodes" in limits and size(session, plans, pool) >= int(limits["nodes"]):
        return False
    standing = nodes.of(session, {NODE_POOL_LABEL: name})
    for resource in limits.keys() - {"nodes", "memory"}:
        used = sum(pods.number(str(as_map(each["status"]["capacity"]).get(resource, "0"))) for each in standing)
        coming = sum(pods.number(_capacity(each, resource)) for each in plans.coming(name))
        if used + coming >= pods.number(str(limits[resource])):
            return False
    return True


def _capacity(node: nodes.Node, resource: str) -> str:
    return str(node.machine.cpus) if resource == "cpu" else str(node.resources.get(resource, "0"))


def forget(session: Session, api: Client, machine: str, pools: set[str]) -> None:
    """The nodes and machines of NodePools that are gone go too.

    Args:
        session: the account.
        api: of the cluster.
        machine: the kind of record of a machine, whose notes name its `node` and its `pool`.
        pools: the NodePools that are there.
    """
    for record in [each for each in session.world.look().of(machine) if each.notes.get("pool") not in pools]:
        nodes.drop(session, api, record.notes["node"])
        with session.world.open() as account:
            account.remove(record)
