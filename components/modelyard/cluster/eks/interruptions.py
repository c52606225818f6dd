"""The queue through which Karpenter learns which machines AWS is about to take back."""

import json
from collections.abc import Iterable

import pulumi
import pulumi_aws as aws

from modelyard.cluster.eks.account import Account

_KEPT_SECONDS = 300
"""A machine that is taken back is gone two minutes after AWS says so."""
# https://karpenter.sh/docs/reference/cloudformation/#interruption-handling. Each of the names is sent by one source
# only, so that one rule does for all.
_EVENTS = {
    "source": ["aws.ec2", "aws.health"],
    "detail-type": [
        "AWS Health Event",
        "EC2 Capacity Reservation Instance Interruption Warning",
        "EC2 Instance Rebalance Recommendation",
        "EC2 Instance State-change Notification",
        "EC2 Spot Instance Interruption Warning",
    ],
}


def make_interruption_queue(
    account: Account, key: str, before: Iterable[pulumi.Resource]
) -> "tuple[aws.sqs.Queue, list[pulumi.Resource]]":
    """Make the queue, encrypted, and the rule that fills it. Only that rule may send, and only over TLS.

    Args:
        account: where.
        key: what Pulumi names end with.
        before: what machines need. With it, the queue's policy, which is slow to go, is as deep in the graph as they
            are, and goes while they do: the engine deletes depth by depth.

    Returns:
        The queue, and what must exist before messages arrive.
    """
    name = f"{account.name}-{key}"
    queue = aws.sqs.Queue(
        name,
        message_retention_seconds=_KEPT_SECONDS,
        sqs_managed_sse_enabled=True,
        opts=account.options(),
    )
    rule = aws.cloudwatch.EventRule(
        name,
        description=f"Machines of {account.cluster_name} that AWS takes back or changes",
        event_pattern=json.dumps(_EVENTS),
        opts=account.options(),
    )
    policy = aws.sqs.QueuePolicy(
        name, queue_url=queue.url, policy=_policy(queue.arn, rule.arn), opts=account.options(before)
    )
    target = aws.cloudwatch.EventTarget(name, rule=rule.name, arn=queue.arn, opts=account.options([policy]))
    return queue, [policy, target]


def _policy(queue_arn: pulumi.Output[str], rule_arn: pulumi.Output[str]) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "events.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": queue_arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
                },
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "sqs:*",
                    "Resource": queue_arn,
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            ],
        }
    )
