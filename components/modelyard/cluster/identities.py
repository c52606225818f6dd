"""What lets pods use a cloud's services without a key, as every cluster sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi


@dataclass(frozen=True, kw_only=True)
class BoundIdentity:
    """Who the pods of one service account are in a cloud: what they depend on and reach, and what they carry for it.

    No cloud needs the token that Kubernetes mounts by itself (`automountServiceAccountToken`): what is needed is added
    to the pods as they start, or asked for on their node.

    Attributes:
        ready: what the pods depend on, so that they get credentials from the start and until their end.
        service_account_annotations: what the service account carries; empty where it is known by its name.
        pod_labels: what each pod carries; empty where its service account says enough.
        token_endpoints: where pods get credentials on their node: ranges of addresses, each with its TCP ports. Empty
            where they get them at a public address, on port 443.
    """

    ready: Sequence[pulumi.Resource]
    service_account_annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    pod_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    token_endpoints: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])
