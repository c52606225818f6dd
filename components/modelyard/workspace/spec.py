"""What a user writes of a workspace. What all workloads in one share stands in `workload_spec.py`."""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Annotated

import annotated_types

from modelyard.errors import Problem, show
from modelyard.kube.names import plain_name_problems
from modelyard.platform.namespaces import PLATFORM_NAMESPACES
from modelyard.spec import Amount, CountOrZero, Name, Rule, spec

LINK_LOCAL = ipaddress.ip_network("169.254.0.0/16")
"""Where nodes find their cloud's metadata, with credentials of the node: no pod gets there by a wide rule."""


def _check_secret_source(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"config/[A-Za-z0-9._-]+", text):
        return None
    return f"{show(text)} names no secret", "write config/KEY for the stack's own key modelyard:KEY"


SecretSource = Annotated[str, Rule(_check_secret_source, {"pattern": "^config/[A-Za-z0-9._-]+$"})]
"""Where a secret's value comes from: `config/KEY`, the stack's key `modelyard:KEY` (set with `--secret`)."""


def _check_member(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"(group|user):\S(.*\S)?|serviceaccount:[a-z0-9-]+/[a-z0-9.-]+", text):
        return None
    return f"{show(text)} is no member", "write group:NAME, user:NAME or serviceaccount:NAMESPACE/NAME"


Member = Annotated[str, Rule(_check_member)]
"""Who gets a role: `group:NAME`, `user:NAME` or `serviceaccount:NAMESPACE/NAME`."""


def _check_cidr(text: str) -> tuple[str, str] | None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        pass
    else:
        return None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"{show(text)} is no address range", "write one like 10.20.0.0/16 or 10.20.0.7/32"
    return f"{show(text)} is an address inside a range", f"write {network}, or /{network.max_prefixlen} for one address"


Cidr = Annotated[str, Rule(_check_cidr)]
"""A range of IP addresses: `10.20.0.0/16`."""

AnyPort = Annotated[int, annotated_types.Interval(ge=1, le=65535)]
"""A TCP port of something outside."""


@spec
class QuotaSpec:
    """What all pods of a workspace may ask for together. What is left out is not limited."""

    gpus: CountOrZero | None = None
    """Accelerators, of each vendor that the pools have."""
    cpus: Amount | None = None
    """vCPUs."""
    memory_gib: Amount | None = None
    """Memory, GiB."""


@spec
class MembersSpec:
    """Who may work in a workspace, by the cluster's own roles of these names."""

    edit: Sequence[Member] = ()
    """May change everything in it but its roles and its quota. That includes reading its secrets."""
    view: Sequence[Member] = ()
    """May see everything in it but its secrets."""


@spec
class SecretSpec:
    """A secret of a workspace, with one value."""

    from_: SecretSource
    """Where its value comes from."""


@spec
class EgressSpec:
    """Addresses outside the cluster that the workspace's pods may open TCP connections to."""

    cidr: Cidr
    """The addresses."""
    ports: Annotated[Sequence[AnyPort], annotated_types.MinLen(1)]
    """The ports."""


@spec
class NetworkSpec:
    """What a workspace's pods may reach beyond each other and DNS. All else is denied."""

    allow_internet: bool = True
    """Public addresses on TCP port 443, as models and data sets are downloaded from there. Never private addresses or
    the cloud's metadata service."""
    allow_api_server: bool = False
    """The Kubernetes API server. Its address differs by cloud and is known to no rule, so that this opens TCP ports 443
    and 6443 of every address but the cloud's metadata service."""
    allow_egress: Sequence[EgressSpec] = ()
    """Further addresses: a database, a proxy, a private endpoint of an object store."""


@spec
class WorkspaceSpec:
    """A team's namespace: who works in it, what it may use, and what it can reach."""

    quota: QuotaSpec = field(default_factory=QuotaSpec)
    """What its pods may ask for together. Left out: no limit."""
    members: MembersSpec = field(default_factory=MembersSpec)
    """Who may work in it. Left out: only those who have rights in the whole cluster."""
    secrets: Mapping[Name, SecretSpec] = field(default_factory=dict[str, SecretSpec])
    """Its secrets by name; workloads refer to them."""
    network: NetworkSpec = field(default_factory=NetworkSpec)
    """What its pods may reach."""


def workspace_name_problems(name: str) -> Iterator[Problem]:
    """Why a workspace, and so its namespace, cannot have this name. The path is empty: it is the workspace's."""
    yield from plain_name_problems(name)
    if name == "default" or name.startswith("kube-") or name in PLATFORM_NAMESPACES:
        owner = "the platform" if name in PLATFORM_NAMESPACES else "Kubernetes"
        yield Problem(why=f"{show(name)} is a namespace of {owner}", fix="choose another name")
