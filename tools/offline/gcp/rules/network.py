"""Networks, subnetworks, routers and NAT."""

# ruff: noqa: ARG001 - the rules of one occasion have one signature

import ipaddress
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map
from tools.offline.gcp.ids import last_of, path_of
from tools.offline.gcp.kinds_network import FIREWALL_RULE, NETWORK, ROUTER, ROUTER_NAT, SUBNETWORK

PROXIES = "REGIONAL_MANAGED_PROXY"
"""The purpose of a subnetwork that load balancers' proxies alone have addresses in."""
_SMALLEST = 29
_REGION = re.compile(r"[a-z]+-[a-z]+\d+")
_RANGE_NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")


def now() -> str:
    """The time as Google writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000-07:00", time.gmtime())


def number() -> str:
    """A number as Google's resources have."""
    return str(secrets.randbelow(10**18) + 10**18)


def is_network(value: Any, network: Record) -> bool:
    """Whether a link, id or name is that of a network."""
    path = path_of(value)
    return path == network.id if "/" in path else path == last_of(network.id)


def ranges_of(inputs: Json) -> dict[str, str]:
    """A subnetwork's ranges by name; the one of nodes has none."""
    found = {"": inputs.get("ipCidrRange")}
    for each in map(as_map, as_list(inputs.get("secondaryIpRanges"))):
        found[each["rangeName"]] = each.get("ipCidrRange")
    return {name: text for name, text in found.items() if isinstance(text, str)}


@rule(registry.in_check, SUBNETWORK)
def ranges_of_a_subnetwork(inputs: Json) -> Iterator[Fault]:
    """Ranges without bits after their prefix, that are large enough, with names."""
    if not inputs.get("ipCidrRange"):
        yield Fault(path=("ipCidrRange",), why="is required here: reserved internal ranges are not simulated")
    else:
        yield from _range_faults(("ipCidrRange",), inputs["ipCidrRange"])
    names: set[str] = set()
    for index, each in enumerate(map(as_map, as_list(inputs.get("secondaryIpRanges")))):
        path = ("secondaryIpRanges", index)
        name = each.get("rangeName")
        if isinstance(name, str) and (name in names or not _RANGE_NAME.fullmatch(name)):
            yield Fault(path=(*path, "rangeName"), why=f"{name!r} is not unique, or no name of a range")
        names.add(str(name))
        if not each.get("ipCidrRange"):
            yield Fault(path=(*path, "ipCidrRange"), why="is required here: reserved ranges are not simulated")
        else:
            yield from _range_faults((*path, "ipCidrRange"), each["ipCidrRange"])


def _range_faults(path: tuple[str | int, ...], text: Any) -> Iterator[Fault]:
    found = list(_address_faults(path, text))
    yield from found
    if text is not UNKNOWN and not found and ipaddress.IPv4Network(text).prefixlen > _SMALLEST:
        yield Fault(path=path, why=f"{text} is smaller than /{_SMALLEST}")


def _address_faults(path: tuple[str | int, ...], text: Any) -> Iterator[Fault]:
    if text is UNKNOWN:
        return
    try:
        ipaddress.IPv4Network(text)
    except ValueError as error:
        yield Fault(path=path, why=f"{text!r} is not a valid IPv4 range: {error}")


@rule(registry.outputs, NETWORK)
def what_a_network_tells(account: Account, record: Record) -> Json:
    if "numericId" in record.outputs:
        return {}
    digits = number()
    return {"numericId": digits, "networkId": digits, "gatewayIpv4": "", "mtu": 1460, "routingMode": "REGIONAL"}


@rule(registry.before_create, SUBNETWORK)
def room_for_a_subnetwork(account: Account, record: Record) -> None:
    _require_room(account, record, record.inputs)


@rule(registry.before_update, SUBNETWORK)
def new_room_for_a_subnetwork(account: Account, record: Record, new: Json) -> None:
    """The range of nodes grows only; ranges that a cluster has stay."""
    old, wanted = (ipaddress.IPv4Network(each["ipCidrRange"]) for each in (record.inputs, new))
    if not old.subnet_of(wanted):
        text = f"Invalid IPCidrRange: {wanted} conflicts with existing subnetwork range {old}: it can only grow"
        raise CloudError("badRequest", text)
    gone = {name for name, text in ranges_of(record.inputs).items() if ranges_of(new).get(name) != text} - {""}
    for cluster in account.of("gcp:container/cluster:Cluster"):
        used = set(values_at(cluster.inputs, "ipAllocationPolicy.clusterSecondaryRangeName"))
        used |= set(values_at(cluster.inputs, "ipAllocationPolicy.servicesSecondaryRangeName"))
        if last_of(cluster.get("subnetwork")) == last_of(record.id) and gone & used:
            raise CloudError(
                "resourceInUseByAnotherResource",
                f"The secondary ranges {sorted(gone & used)} of {record.id} are used by {cluster.id}",
            )
    _require_room(account, record, new)


def _require_room(account: Account, record: Record, inputs: Json) -> None:
    region = record.outputs["region"]
    if not _REGION.fullmatch(region):
        raise CloudError("badRequest", f"Invalid value for field 'region': '{region}'. Unknown region.")
    network = next(each for each in account.of(NETWORK) if is_network(inputs["network"], each))
    if network.inputs.get("autoCreateSubnetworks"):
        raise CloudError("badRequest", f"Cannot create subnetworks in the automatic network {network.id} by hand")
    taken = [
        (other.id, text)
        for other in account.of(SUBNETWORK)
        if other.key != record.key and is_network(other.inputs["network"], network)
        for text in ranges_of(other.inputs).values()
    ]
    own = list(ranges_of(inputs).values())
    for index, text in enumerate(own):
        beside = [("this subnetwork", each) for each in own[:index]]
        for owner, other in (*taken, *beside):
            if ipaddress.IPv4Network(text).overlaps(ipaddress.IPv4Network(other)):
                raise CloudError(
                    "badRequest",
                    f"Invalid IPCidrRange: {text} conflicts with existing subnetwork range {other} of {owner}",
                )


@rule(registry.before_create, SUBNETWORK)
def one_subnetwork_of_active_proxies(account: Account, record: Record) -> None:
    """https://cloud.google.com/load-balancing/docs/proxy-only-subnets"""
    if record.inputs.get("purpose") != PROXIES:
        return
    for other in account.of(SUBNETWORK):
        same = last_of(other.get("network")) == last_of(record.get("network"))
        same = same and other.outputs.get("region") == record.outputs["region"] and other.key != record.key
        if same and other.inputs.get("purpose") == PROXIES and other.inputs.get("role") == "ACTIVE":
            raise CloudError(
                "badRequest",
                f"Invalid value for field 'resource.role': '{record.get('role')}'. There is an ACTIVE subnetwork of "
                f"purpose {PROXIES} in the network and region already: {other.id}",
            )


@rule(registry.outputs, SUBNETWORK)
def what_a_subnetwork_tells(account: Account, record: Record) -> Json:
    network = ipaddress.IPv4Network(record.inputs["ipCidrRange"])
    told: Json = {"gatewayAddress": str(network[1]), "fingerprint": secrets.token_urlsafe(8), "stackType": "IPV4_ONLY"}
    told |= {"purpose": "PRIVATE", "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS"}
    return told if "creationTimestamp" in record.outputs else {**told, "creationTimestamp": now()}


@rule(registry.outputs, ROUTER)
def what_a_router_tells(account: Account, record: Record) -> Json:
    return {} if "creationTimestamp" in record.outputs else {"creationTimestamp": now()}


@rule(registry.in_check, FIREWALL_RULE)
def parts_of_a_firewall_rule(inputs: Json) -> Iterator[Fault]:
    """What it lets in or keeps out, from where."""
    if bool(inputs.get("allows")) == bool(inputs.get("denies")):
        yield Fault(path=("allows",), why="a rule allows or denies something, one of both")
    sources = ("sourceRanges", "sourceTags", "sourceServiceAccounts")
    if inputs.get("direction", "INGRESS") == "INGRESS" and not any(inputs.get(each) for each in sources):
        yield Fault(path=("sourceRanges",), why="one of source_tags, source_ranges, or source_service_accounts is due")
    for index, text in enumerate(as_list(inputs.get("sourceRanges"))):
        yield from _address_faults(("sourceRanges", index), text)


@rule(registry.outputs, FIREWALL_RULE)
def what_a_firewall_rule_tells(account: Account, record: Record) -> Json:
    return {} if "creationTimestamp" in record.outputs else {"creationTimestamp": now(), "direction": "INGRESS"}


@rule(registry.in_check, ROUTER)
def network_of_a_router(inputs: Json) -> Iterator[Fault]:
    if not inputs.get("network"):
        yield Fault(path=("network",), why="is required: gateways of Network Connectivity Center are not simulated")


@rule(registry.in_check, ROUTER_NAT)
def parts_of_a_nat(inputs: Json) -> Iterator[Fault]:
    """Addresses and subnetworks, each as the others say."""
    option = inputs.get("natIpAllocateOption")
    if option is None:
        yield Fault(path=("natIpAllocateOption",), why="is required for a public NAT")
    if option == "MANUAL_ONLY" and not inputs.get("natIps"):
        yield Fault(path=("natIps",), why="MANUAL_ONLY needs addresses")
    if option == "AUTO_ONLY" and inputs.get("natIps"):
        yield Fault(path=("natIps",), why="AUTO_ONLY takes no addresses")
    listed = inputs.get("sourceSubnetworkIpRangesToNat") == "LIST_OF_SUBNETWORKS"
    if listed != bool(inputs.get("subnetworks")):
        yield Fault(path=("subnetworks",), why="are named with LIST_OF_SUBNETWORKS, and only then")
    least, most = inputs.get("minPortsPerVm"), inputs.get("maxPortsPerVm")
    dynamic = inputs.get("enableDynamicPortAllocation")
    if most is not None and not dynamic:
        yield Fault(path=("maxPortsPerVm",), why="needs enableDynamicPortAllocation")
    for key, value in (("minPortsPerVm", least), ("maxPortsPerVm", most)):
        if dynamic and isinstance(value, int) and value & (value - 1):
            yield Fault(path=(key,), why=f"{value} is no power of two, which enableDynamicPortAllocation needs")
    if dynamic and inputs.get("enableEndpointIndependentMapping"):
        yield Fault(
            path=("enableEndpointIndependentMapping",), why="cannot be together with enableDynamicPortAllocation"
        )


@rule(registry.before_create, ROUTER_NAT)
def one_nat_for_a_subnetwork(account: Account, record: Record) -> None:
    router = router_of(account, record)
    if record.outputs["region"] != router.outputs["region"]:
        raise CloudError("notFound", f"The resource '{last_of(router.id)}' was not found in {record.outputs['region']}")
    if record.inputs["sourceSubnetworkIpRangesToNat"] == "LIST_OF_SUBNETWORKS":
        return
    for other in account.of(ROUTER_NAT):
        theirs = router_of(account, other)
        same = last_of(theirs.inputs["network"]) == last_of(router.inputs["network"])
        if same and other.outputs["region"] == record.outputs["region"]:
            raise CloudError(
                "badRequest",
                f"Invalid value for field 'resource.nats[0]': NAT {last_of(other.id)} applies to all subnetworks of "
                "the network in this region already",
            )


def router_of(account: Account, nat: Record) -> Record:
    """The router that a NAT is a part of."""
    wanted = last_of(nat.inputs["router"])
    return next(each for each in account.of(ROUTER) if last_of(each.id) == wanted)


@rule(registry.before_delete, ROUTER)
def nats_of_a_router(account: Account, record: Record) -> None:
    """A NAT is a part of its router, and goes with it."""
    for other in account.of(ROUTER_NAT):
        if last_of(other.inputs["router"]) == last_of(record.id):
            account.remove(other)


def has_nat(account: Account, subnetwork: Record) -> bool:
    """Whether nodes of a subnetwork without public addresses get out to the internet."""
    for nat in account.of(ROUTER_NAT):
        router = router_of(account, nat)
        if last_of(router.inputs["network"]) != last_of(subnetwork.inputs["network"]):
            continue
        if nat.outputs["region"] != subnetwork.outputs["region"]:
            continue
        names = [last_of(each) for each in values_at(nat.inputs, "subnetworks.name")]
        if not names or last_of(subnetwork.id) in names:
            return True
    return False
