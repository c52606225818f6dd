"""VPCs, subnets, gateways and routes."""

# ruff: noqa: ARG001 - the rules of one occasion have one signature

import ipaddress
import re
import secrets
from collections.abc import Iterator

from tools.offline.aws.ids import new_id
from tools.offline.aws.kinds_network import (
    EIP,
    INTERNET_GATEWAY,
    NAT_GATEWAY,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    SECURITY_GROUP,
    SUBNET,
    VPC,
    VPC_ENDPOINT,
)
from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map

_LARGEST, _SMALLEST = 16, 28
_DESTINATIONS = ("cidrBlock", "ipv6CidrBlock", "destinationPrefixListId")
_TARGETS = (
    *("carrierGatewayId", "coreNetworkArn", "egressOnlyGatewayId", "gatewayId", "localGatewayId", "natGatewayId"),
    *("networkInterfaceId", "odbNetworkArn", "transitGatewayId", "vpcEndpointId", "vpcPeeringConnectionId"),
)


@rule(registry.in_check, VPC, SUBNET)
def block_of_addresses(inputs: Json) -> Iterator[Fault]:
    """A range from /16 to /28 without bits after its prefix."""
    text = inputs.get("cidrBlock")
    if text is None:
        yield Fault(path=("cidrBlock",), why="is required here: addresses from a pool (IPAM) are not simulated")
    elif text is not UNKNOWN:
        yield from _cidr_faults("cidrBlock", text, sizes=True)


@rule(registry.in_check, ROUTE_TABLE)
def one_way_out(inputs: Json) -> Iterator[Fault]:
    """Each route has one destination and one target."""
    for index, route in enumerate(map(as_map, as_list(inputs.get("routes")))):
        for names, what in ((_DESTINATIONS, "destination"), (_TARGETS, "target")):
            given = [name for name in names if route.get(name) is not None]
            if len(given) != 1:
                why = f"a route has one {what}, and this one has {', '.join(given) or 'none'}"
                yield Fault(path=("routes", index), why=why)
        text = route.get("cidrBlock")
        if text is not None and text is not UNKNOWN:
            yield from _cidr_faults("routes", text)


@rule(registry.in_check, VPC_ENDPOINT)
def parts_of_an_endpoint(inputs: Json) -> Iterator[Fault]:
    """A gateway endpoint stands in route tables, an interface endpoint in subnets."""
    kind = inputs.get("vpcEndpointType", "Gateway")
    if kind not in ("Gateway", "Interface", "GatewayLoadBalancer", "Resource", "ServiceNetwork", UNKNOWN):
        yield Fault(path=("vpcEndpointType",), why=f"{kind!r} is no type of endpoint")
    wrong = {"Gateway": ("subnetIds", "securityGroupIds", "privateDnsEnabled"), "Interface": ("routeTableIds",)}
    for name in wrong.get(str(kind), ()):
        if inputs.get(name):
            yield Fault(path=(name,), why=f"an endpoint of type {kind} has none")


def _cidr_faults(key: str, text: str, *, sizes: bool = False) -> Iterator[Fault]:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        yield Fault(path=(key,), why=f"{text!r} is not a valid IPv4 CIDR block: {error}")
        return
    if sizes and not _LARGEST <= network.prefixlen <= _SMALLEST:
        yield Fault(path=(key,), why=f"{text} must be from /{_LARGEST} to /{_SMALLEST}")


@rule(registry.before_create, VPC)
def what_comes_with_a_vpc(account: Account, record: Record) -> None:
    """AWS makes a security group and a route table with each VPC."""
    group, table = new_id("sg"), new_id("rtb")
    inputs = {"vpcId": record.id}
    account.add(Record(token=SECURITY_GROUP, id=group, inputs={**inputs, "name": "default"}, owner=record.key))
    account.add(Record(token=ROUTE_TABLE, id=table, inputs=inputs, owner=record.key))
    record.outputs |= {
        "defaultSecurityGroupId": group,
        "defaultRouteTableId": table,
        "mainRouteTableId": table,
        "defaultNetworkAclId": new_id("acl"),
        "dhcpOptionsId": new_id("dopt"),
    }


@rule(registry.before_create, SUBNET)
def room_for_a_subnet(account: Account, record: Record) -> None:
    """Inside of its VPC, beside its other subnets, in a zone of the region."""
    vpc = account.get(VPC, record.inputs["vpcId"])
    block = ipaddress.IPv4Network(record.inputs["cidrBlock"])
    assert vpc is not None
    if not block.subnet_of(ipaddress.IPv4Network(vpc.inputs["cidrBlock"])):
        raise CloudError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")
    for other in account.of(SUBNET):
        if other.inputs["vpcId"] == vpc.id and block.overlaps(ipaddress.IPv4Network(other.inputs["cidrBlock"])):
            raise CloudError("InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet")
    zone = record.inputs.get("availabilityZone")
    if zone and not re.fullmatch(re.escape(record.region) + "[a-f]", zone):
        message = f"Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in"
        raise CloudError("InvalidParameterValue", f"{message} zones of {record.region}.")


@rule(registry.outputs, SUBNET)
def zone_of_a_subnet(account: Account, record: Record) -> Json:
    zone = record.inputs.get("availabilityZone") or f"{record.region}a"
    short = "".join(part[0] for part in record.region.split("-")[:-1]) + record.region[-1]
    return {"availabilityZone": zone, "availabilityZoneId": f"{short}-az{ord(zone[-1]) - ord('a') + 1}"}


@rule(registry.before_create, INTERNET_GATEWAY)
def one_gateway_for_a_vpc(account: Account, record: Record) -> None:
    vpc = record.inputs.get("vpcId")
    if vpc and any(other.inputs.get("vpcId") == vpc for other in account.of(INTERNET_GATEWAY)):
        raise CloudError(
            "Resource.AlreadyAssociated", f"resource {record.id} is already attached to network {vpc}: it has another"
        )


@rule(registry.before_delete, INTERNET_GATEWAY)
def no_public_addresses_behind_a_gateway(account: Account, record: Record) -> None:
    vpc = record.inputs.get("vpcId")
    for nat in account.of(NAT_GATEWAY):
        subnet = account.get(SUBNET, nat.inputs.get("subnetId", ""))
        if subnet and subnet.inputs["vpcId"] == vpc and nat.inputs.get("allocationId"):
            raise CloudError(
                "DependencyViolation",
                f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before "
                f"detaching the gateway. (NatGateway {nat.id})",
            )


@rule(registry.outputs, EIP)
def address(account: Account, record: Record) -> Json:
    if "publicIp" in record.outputs:
        return {}
    public = ".".join(["52", *(str(secrets.randbelow(254) + 1) for _ in range(3))])
    name = f"ec2-{public.replace('.', '-')}.compute-1.amazonaws.com"
    return {
        "publicIp": public,
        "publicDns": name,
        "allocationId": record.id,
        "domain": "vpc",
        "publicIpv4Pool": "amazon",
    }


@rule(registry.before_create, NAT_GATEWAY)
def way_out_for_a_nat_gateway(account: Account, record: Record) -> None:
    """A public one needs an address of its own, and an internet gateway in its VPC."""
    if record.inputs.get("connectivityType") == "private":
        return
    subnet = account.get(SUBNET, record.inputs.get("subnetId", ""))
    if subnet is None or not record.inputs.get("allocationId"):
        raise CloudError("MissingParameter", "The request must contain the parameters SubnetId and AllocationId")
    vpc = subnet.inputs["vpcId"]
    if not any(other.inputs.get("vpcId") == vpc for other in account.of(INTERNET_GATEWAY)):
        raise CloudError("Gateway.NotAttached", f"Network {vpc} has no Internet gateway attached")
    used = record.inputs["allocationId"]
    if any(other.inputs.get("allocationId") == used for other in account.of(NAT_GATEWAY)):
        raise CloudError("Resource.AlreadyAssociated", f"Elastic IP address [{used}] is already associated")


@rule(registry.outputs, NAT_GATEWAY)
def addresses_of_a_nat_gateway(account: Account, record: Record) -> Json:
    if "networkInterfaceId" in record.outputs:
        return {}
    eip = account.get(EIP, record.inputs.get("allocationId", ""))
    public = {"publicIp": eip.outputs["publicIp"], "associationId": new_id("eipassoc")} if eip else {}
    return {"networkInterfaceId": new_id("eni"), "privateIp": "10.0.0.10", "connectivityType": "public", **public}


@rule(registry.before_create, ROUTE_TABLE)
def routes_within_one_vpc(account: Account, record: Record) -> None:
    _require_one_vpc(account, record.id, record.inputs)


@rule(registry.before_update, ROUTE_TABLE)
def new_routes_within_one_vpc(account: Account, record: Record, new: Json) -> None:
    _require_one_vpc(account, record.id, new)


def _require_one_vpc(account: Account, table: str, inputs: Json) -> None:
    nats = [account.get(NAT_GATEWAY, each) for each in values_at(inputs, "routes.natGatewayId")]
    found = [account.get(SUBNET, nat.inputs.get("subnetId", "")) for nat in nats if nat is not None]
    found += [account.get(INTERNET_GATEWAY, each) for each in values_at(inputs, "routes.gatewayId")]
    for other in found:
        if other is not None and other.inputs.get("vpcId") != inputs["vpcId"]:
            raise CloudError(
                "InvalidParameterValue", f"route table {table} and {other.id} belong to different networks"
            )


@rule(registry.before_create, ROUTE_TABLE_ASSOCIATION)
def association_within_one_vpc(account: Account, record: Record) -> None:
    table = account.get(ROUTE_TABLE, record.inputs["routeTableId"])
    subnet = account.get(SUBNET, record.inputs.get("subnetId", ""))
    if table and subnet and table.inputs["vpcId"] != subnet.inputs["vpcId"]:
        raise CloudError(
            "InvalidParameterValue", f"route table {table.id} and {subnet.id} belong to different networks"
        )


@rule(registry.before_delete, ROUTE_TABLE)
def what_goes_with_a_route_table(account: Account, record: Record) -> None:
    """The provider takes a table off its subnets before it deletes it."""
    for other in account.of(ROUTE_TABLE_ASSOCIATION):
        if other.inputs.get("routeTableId") == record.id:
            account.remove(other)


@rule(registry.before_create, VPC_ENDPOINT)
def service_of_an_endpoint(account: Account, record: Record) -> None:
    name = record.inputs.get("serviceName", "")
    if not re.fullmatch(rf"(com\.amazonaws|aws\.api)\.{re.escape(record.region)}\.[a-z0-9.-]+", name):
        raise CloudError("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")
    if record.inputs["vpcEndpointType"] == "Gateway" and name.rpartition(".")[2] not in ("s3", "dynamodb"):
        raise CloudError(
            "InvalidParameter", f"Endpoint type (Gateway) does not match available service types of {name}"
        )


@rule(registry.outputs, VPC_ENDPOINT)
def endpoint(account: Account, record: Record) -> Json:
    return {"state": "available"} | ({} if "prefixListId" in record.outputs else {"prefixListId": new_id("pl")})


def leads_out(account: Account, subnet: Record) -> bool:
    """Whether a subnet's route table leads to the internet."""
    tables = [
        account.get(ROUTE_TABLE, each.inputs["routeTableId"])
        for each in account.of(ROUTE_TABLE_ASSOCIATION)
        if each.inputs.get("subnetId") == subnet.id
    ]
    return any("0.0.0.0/0" in values_at(table.inputs, "routes.cidrBlock") for table in tables if table is not None)
