"""Security groups and their rules, and what keeps a group in use."""

# ruff: noqa: ARG001 - the rules of one occasion have one signature

import ipaddress
from collections.abc import Iterator

from tools.offline.aws.kinds_compute import LAUNCH_TEMPLATE, NODE_GROUP, PLACEMENT_GROUP
from tools.offline.aws.kinds_network import INGRESS_RULE, SECURITY_GROUP, VPC
from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import UNKNOWN, Json

_SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")


@rule(registry.in_check, INGRESS_RULE)
def one_source(inputs: Json) -> Iterator[Fault]:
    """One source or target, and ports unless every protocol is meant."""
    given = [name for name in _SOURCES if inputs.get(name) is not None]
    if len(given) != 1:
        yield Fault(
            path=(), why=f"a rule has one of {', '.join(_SOURCES)}, and this one has {', '.join(given) or 'none'}"
        )
    text = inputs.get("cidrIpv4")
    if text is not None and text is not UNKNOWN:
        try:
            ipaddress.IPv4Network(text)
        except ValueError as error:
            yield Fault(path=("cidrIpv4",), why=f"{text!r} is not a valid CIDR block: {error}")
    protocol, ports = inputs.get("ipProtocol"), [inputs.get(key) for key in ("fromPort", "toPort")]
    if protocol in ("-1", "all") and any(port is not None for port in ports):
        yield Fault(path=("fromPort",), why="a rule for every protocol has no ports")
    if protocol in ("tcp", "udp", "6", "17") and None in ports:
        yield Fault(path=("fromPort",), why=f"{protocol} needs fromPort and toPort")


@rule(registry.in_check, SECURITY_GROUP)
def name_of_a_group(inputs: Json) -> Iterator[Fault]:
    name = inputs.get("name")
    if isinstance(name, str) and name.startswith("sg-"):
        yield Fault(path=("name",), why="the name of a security group cannot begin with sg-")


@rule(registry.before_create, SECURITY_GROUP)
def vpc_of_a_group(account: Account, record: Record) -> None:
    if account.get(VPC, record.inputs.get("vpcId", "")) is None:
        raise CloudError("VPCIdNotSpecified", "No default VPC for this user")


@rule(registry.outputs, INGRESS_RULE)
def id_of_a_rule(account: Account, record: Record) -> Json:
    return {"securityGroupRuleId": record.id}


@rule(registry.before_delete, SECURITY_GROUP)
def interfaces_of_nodes(account: Account, record: Record) -> None:
    """The nodes of a node group carry the security groups of its launch template; a group's own rules go with it."""
    for group, template in _templates_in_use(account):
        held = [
            *values_at(template.inputs, "vpcSecurityGroupIds"),
            *values_at(template.inputs, "networkInterfaces.securityGroups"),
        ]
        if record.id in held:
            text = f"resource {record.id} has a dependent object (nodes of {group.id})"
            raise CloudError("DependencyViolation", text)
    for other in account.of(INGRESS_RULE):
        if other.inputs.get("securityGroupId") == record.id and other.owner == "":
            other.owner = record.key


@rule(registry.before_delete, PLACEMENT_GROUP)
def nodes_in_a_placement_group(account: Account, record: Record) -> None:
    """The nodes of a node group stand in the placement group of its launch template."""
    for group, template in _templates_in_use(account):
        if record.id in values_at(template.inputs, "placement.groupName"):
            text = f"The placement group {record.id} is in use and may not be deleted. (nodes of {group.id})"
            raise CloudError("InvalidPlacementGroup.InUse", text)


def _templates_in_use(account: Account) -> list[tuple[Record, Record]]:
    """Node groups with their launch templates."""
    pairs = [
        (group, account.get(LAUNCH_TEMPLATE, template_id))
        for group in account.of(NODE_GROUP)
        for template_id in values_at(group.inputs, "launchTemplate.id")
    ]
    return [(group, template) for group, template in pairs if template is not None]
