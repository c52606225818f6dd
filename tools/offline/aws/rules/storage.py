"""Buckets, file systems, log groups, event rules and queues."""

# ruff: noqa: ARG001 - the rules of one occasion have one signature

import json
import re
from collections.abc import Iterator

from tools.offline.aws.ids import new_id
from tools.offline.aws.kinds_network import SUBNET
from tools.offline.aws.kinds_storage import (
    BUCKET,
    EVENT_RULE,
    EVENT_TARGET,
    FILE_SYSTEM,
    LOG_GROUP,
    MOUNT_TARGET,
    QUEUE,
)
from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import UNKNOWN, Json, as_map

_BUCKET_NAME = re.compile(r"(?!xn--)(?!sthree-)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?<!-s3alias)(?<!--ol-s3)")
_RETENTION_DAYS = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


@rule(registry.in_check, BUCKET)
def name_of_a_bucket(inputs: Json) -> Iterator[Fault]:
    name = inputs.get("bucket")
    if name is not None and name is not UNKNOWN and (not _BUCKET_NAME.fullmatch(name) or ".." in name):
        yield Fault(path=("bucket",), why=f"InvalidBucketName: {name!r} has other than 3 to 63 of a-z, 0-9, . and -")


@rule(registry.outputs, BUCKET)
def addresses_of_a_bucket(account: Account, record: Record) -> Json:
    return {
        "bucketDomainName": f"{record.id}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{record.id}.s3.{record.region}.amazonaws.com",
        "bucketRegion": record.region,
        "hostedZoneId": "Z3AQBSTGFYJSTF",
    }


@rule(registry.before_delete, BUCKET)
def objects_in_a_bucket(account: Account, record: Record) -> None:
    if record.notes.get("objects") and not record.inputs.get("forceDestroy"):
        raise CloudError("BucketNotEmpty", "The bucket you tried to delete is not empty")


@rule(registry.outputs, FILE_SYSTEM)
def identity_of_a_file_system(account: Account, record: Record) -> Json:
    targets = [each for each in account.of(MOUNT_TARGET) if each.inputs["fileSystemId"] == record.id]
    token = {} if record.inputs.get("creationToken") else {"creationToken": f"terraform-{record.id[3:]}"}
    name = f"{record.id}.efs.{record.region}.amazonaws.com"
    return {"dnsName": name, "numberOfMountTargets": len(targets), "performanceMode": "generalPurpose", **token}


@rule(registry.before_create, MOUNT_TARGET)
def one_mount_target_in_a_zone(account: Account, record: Record) -> None:
    zone = _zone(account, record)
    for other in account.of(MOUNT_TARGET):
        if other.inputs["fileSystemId"] == record.inputs["fileSystemId"] and _zone(account, other) == zone:
            raise CloudError("MountTargetConflict", "mount target already exists in this AZ")


def _zone(account: Account, record: Record) -> str:
    subnet = account.get(SUBNET, record.inputs["subnetId"])
    return subnet.get("availabilityZone") if subnet else ""


@rule(registry.outputs, MOUNT_TARGET)
def addresses_of_a_mount_target(account: Account, record: Record) -> Json:
    name = f"{record.inputs['fileSystemId']}.efs.{record.region}.amazonaws.com"
    interface = {} if "networkInterfaceId" in record.outputs else {"networkInterfaceId": new_id("eni")}
    zone = _zone(account, record)
    return {"dnsName": name, "mountTargetDnsName": f"{zone}.{name}", "availabilityZoneName": zone, **interface}


@rule(registry.in_check, LOG_GROUP)
def retention(inputs: Json) -> Iterator[Fault]:
    days = inputs.get("retentionInDays")
    if isinstance(days, int) and days not in _RETENTION_DAYS:
        yield Fault(path=("retentionInDays",), why=f"must be one of {_RETENTION_DAYS}, not {days}")


@rule(registry.in_check, EVENT_RULE)
def pattern_of_events(inputs: Json) -> Iterator[Fault]:
    """A pattern or a schedule; a pattern is JSON whose leaves are lists."""
    pattern = inputs.get("eventPattern")
    if pattern is None and inputs.get("scheduleExpression") is None:
        yield Fault(path=(), why="Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if isinstance(pattern, str):
        try:
            parsed = as_map(json.loads(pattern))
        except ValueError:
            parsed = {}
        if not parsed or not all(isinstance(each, (list, dict)) for each in parsed.values()):
            yield Fault(path=("eventPattern",), why="InvalidEventPatternException: Event pattern is not valid.")


@rule(registry.before_create, EVENT_TARGET)
def name_of_a_target(account: Account, record: Record) -> None:
    if not record.inputs.get("targetId"):
        record.outputs["targetId"] = new_id("terraform")
    record.id = f"{record.inputs['rule']}-{record.get('targetId')}"


@rule(registry.outputs, QUEUE)
def address_of_a_queue(account: Account, record: Record) -> Json:
    return {"url": record.id}
