"""Networks that nodes are in beside their own: what GKE asks of them, and the kinds by which pods ask for a card.

https://cloud.google.com/kubernetes-engine/docs/how-to/setup-multinetwork-support-for-pods and, how many a machine has,
https://cloud.google.com/compute/docs/gpus/gpu-network-bandwidth and …/vpc/docs/create-use-multiple-interfaces
"""

from tools.offline.cloud import cluster_api
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.gcp.ids import last_of
from tools.offline.gcp.kinds_network import SUBNETWORK
from tools.offline.gcp.places import region_of
from tools.offline.kubernetes.client import Client

_GROUP = "networking.gke.io"
_KINDS = {"Network": "networks", "GKENetworkParamSet": "gkenetworkparamsets"}
_OF_MACHINE = {"a3-highgpu-8g": 4, "a3-megagpu-8g": 8}
_MOST = 7


def install(session: Session, api: Client) -> None:
    """The kinds are there on every cluster with multi-networking."""
    for kind, plural in _KINDS.items():
        cluster_api.create(session, api, cluster_api.open_kind(session, _GROUP, "v1", kind, plural))


def remove(session: Session, api: Client) -> None:
    """The kinds go with the cluster."""
    for plural in _KINDS.values():
        cluster_api.remove_kind(session, api, _GROUP, plural)


def require_networks(account: Account, cluster: Record, inputs: Json) -> None:
    """Each further network is another one, with a subnetwork of its own there, and the machine has a card for it.

    Raises:
        CloudError: it is not so.
    """
    given = [as_map(each) for each in as_list(as_map(inputs.get("networkConfig")).get("additionalNodeNetworkConfigs"))]
    if not given:
        return
    if not cluster.inputs.get("enableMultiNetworking"):
        raise CloudError(
            "badRequest", "Additional node networks require multi-networking to be enabled on the cluster."
        )
    machine = str(as_map(inputs.get("nodeConfig")).get("machineType") or "e2-medium")
    most = _OF_MACHINE.get(machine, _MOST)
    if len(given) > most:
        raise CloudError(
            "badRequest", f"Machine type {machine} supports at most {most} additional networks, not {len(given)}."
        )
    networks = [last_of(each.get("network")) for each in given]
    for network in networks:
        if networks.count(network) > 1 or network == last_of(cluster.get("network")):
            raise CloudError("badRequest", f'Network "{network}" is attached to more than one interface of the nodes.')
    for each in given:
        _require_subnetwork(account, cluster, last_of(each.get("network")), last_of(each.get("subnetwork")))


def _require_subnetwork(account: Account, cluster: Record, network: str, name: str) -> None:
    found = next((each for each in account.of(SUBNETWORK) if last_of(each.id) == name), None)
    if found is None or last_of(found.inputs["network"]) != network:
        raise CloudError("badRequest", f'Subnetwork "{name}" is not in network "{network}".')
    if found.outputs["region"] != region_of(cluster.outputs["location"]):
        raise CloudError("badRequest", f'Subnetwork "{name}" is not in the region of the cluster.')
