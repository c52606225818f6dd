"""How a managed node group's machines start: disk, metadata, network interfaces, reservation."""

import base64
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.cluster.eks.foundation import Foundation
from modelyard.cluster.eks.nodes import (
    BOTTLEROCKET_SYSTEM_GIB,
    disk_gib,
    has_local_disks,
    instance_types,
    is_bottlerocket,
    network_interfaces,
    user_data,
)
from modelyard.cluster.pools import Pool
from modelyard.gpu.spec import CapacityBlockSpec, ReservationSpec

_ROOT_DEVICE, _DATA_DEVICE = "/dev/xvda", "/dev/xvdb"


def make_launch_template(
    parent: pulumi.Resource,
    name: str,
    foundation: Foundation,
    pool: Pool,
    placement_group: pulumi.Input[str] | None,
) -> "aws.ec2.LaunchTemplate":  # quoted: evaluating it would load a large part of the SDK, also in Auto Mode
    """The launch template of a pool.

    Metadata needs a token and does not reach pods (hop limit 1), so that no pod takes the node's role: pods have Pod
    Identity, and agents on the host network still reach it.
    https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html

    It names no image, so that EKS chooses and updates it, and a machine type only for a capacity block, where EKS asks
    for it. https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html
    """
    options = pulumi.ResourceOptions(parent=parent, provider=foundation.provider)
    text = user_data(pool, local_storage=has_local_disks(pool))
    interfaces = _interfaces(foundation, pool)
    block = isinstance(pool.spec.capacity, CapacityBlockSpec)
    return aws.ec2.LaunchTemplate(
        name,
        description=f"Nodes of pool {pool.name} of {foundation.cluster_name}",
        update_default_version=True,
        instance_type=instance_types(pool)[0] if block else None,
        block_device_mappings=_disks(foundation, pool),
        metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
        ),
        network_interfaces=interfaces or None,
        vpc_security_group_ids=None if interfaces else [foundation.node_security_group_id],
        placement=(
            None if placement_group is None else aws.ec2.LaunchTemplatePlacementArgs(group_name=placement_group)
        ),
        instance_market_options=(
            aws.ec2.LaunchTemplateInstanceMarketOptionsArgs(market_type="capacity-block") if block else None
        ),
        capacity_reservation_specification=_reservation(pool),
        user_data=base64.b64encode(text.encode()).decode() if text else None,
        tag_specifications=[
            aws.ec2.LaunchTemplateTagSpecificationArgs(
                resource_type=kind, tags={**foundation.tags, "Name": f"{foundation.cluster_name}-{pool.name}"}
            )
            for kind in ("instance", "volume", "network-interface")
        ],
        opts=options,
    )


def _disks(foundation: Foundation, pool: Pool) -> list[Any]:
    def disk(device: str, size_gib: int) -> "aws.ec2.LaunchTemplateBlockDeviceMappingArgs":
        ebs = aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
            volume_size=size_gib,
            volume_type="gp3",
            encrypted="true",
            kms_key_id=foundation.disk_key_arn,
            delete_on_termination="true",
        )
        return aws.ec2.LaunchTemplateBlockDeviceMappingArgs(device_name=device, ebs=ebs)

    if is_bottlerocket(pool):
        return [disk(_ROOT_DEVICE, BOTTLEROCKET_SYSTEM_GIB), disk(_DATA_DEVICE, disk_gib(pool))]
    return [disk(_ROOT_DEVICE, disk_gib(pool))]


def _interfaces(foundation: Foundation, pool: Pool) -> "list[aws.ec2.LaunchTemplateNetworkInterfaceArgs]":
    return [
        aws.ec2.LaunchTemplateNetworkInterfaceArgs(
            network_card_index=each.card,
            device_index=each.device,
            interface_type=each.kind,
            security_groups=[foundation.node_security_group_id],
            delete_on_termination="true",
        )
        for each in network_interfaces(pool)
    ]


def _reservation(pool: Pool) -> "aws.ec2.LaunchTemplateCapacityReservationSpecificationArgs | None":
    match pool.spec.capacity:
        case CapacityBlockSpec(capacity_block=identifier):
            target = aws.ec2.LaunchTemplateCapacityReservationSpecificationCapacityReservationTargetArgs(
                capacity_reservation_id=identifier
            )
        case ReservationSpec(reservation=identifier) if identifier.startswith("arn:"):
            target = aws.ec2.LaunchTemplateCapacityReservationSpecificationCapacityReservationTargetArgs(
                capacity_reservation_resource_group_arn=identifier
            )
        case ReservationSpec(reservation=identifier):
            target = aws.ec2.LaunchTemplateCapacityReservationSpecificationCapacityReservationTargetArgs(
                capacity_reservation_id=identifier
            )
        case _:
            return None
    return aws.ec2.LaunchTemplateCapacityReservationSpecificationArgs(capacity_reservation_target=target)
