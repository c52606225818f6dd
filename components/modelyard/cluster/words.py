"""Words that specs of all kinds of clusters share, as types of what a user writes."""

import re
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Annotated

from modelyard.cluster.networks import is_cidr
from modelyard.errors import show
from modelyard.kube.images import is_repository
from modelyard.spec import Rule
from modelyard.versions import KUBERNETES


def pattern(expression: str, what: str, fix: str) -> Rule:
    """Text that a regular expression describes as a whole.

    Args:
        expression: the regular expression.
        what: what the text is, for messages.
        fix: what to write instead of one that does not match.
    """

    def check(text: str) -> tuple[str, str] | None:
        return None if re.fullmatch(expression, text) else (f"{show(text)} is no {what}", fix)

    return Rule(check, {"pattern": f"^{expression}$"})


def version(known: Sequence[str], where: str) -> Rule:
    """A version of Kubernetes out of few.

    Args:
        known: the versions.
        where: what they are known for, for messages: `that modelyard knows on AKS`.
    """

    def check(text: str) -> tuple[str, str] | None:
        if text in known:
            return None
        return f"{show(text)} is not a version of Kubernetes {where}", f"use {' or '.join(known)}"

    return Rule(check, {"enum": list(known)})


def _check_ipv4_range(text: str) -> tuple[str, str] | None:
    if is_cidr(text):
        return None
    return f"{show(text)} is no range of IPv4 addresses", "write one like 10.0.0.0/16, without bits after the prefix"


def _check_range(text: str) -> tuple[str, str] | None:
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        return f"{show(text)} is no range of addresses", "write one like 10.20.0.0/16, fd00::/8 or 10.20.0.7/32"
    if is_cidr(text, ip_network):
        return None
    if "/" not in text:
        return f"{show(text)} is an address, and no range", f"write {meant} for this one alone"
    return f"{show(text)} is an address inside a range", f"write {meant}, or /{meant.max_prefixlen} for one address"


AddressRange = Annotated[str, Rule(_check_ipv4_range)]
"""A range of IPv4 addresses in CIDR notation."""
AnyAddressRange = Annotated[str, Rule(_check_range)]
"""A range of IPv4 or IPv6 addresses in CIDR notation."""

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_LABEL_WORD = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = rf"([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*/)?{_LABEL_WORD}"


def _check_label_key(text: str) -> tuple[str, str] | None:
    if re.fullmatch(_LABEL_KEY, text):
        return None
    return f"{show(text)} is no key of a label", "write one like team or example.org/team"


def _check_label_value(text: str) -> tuple[str, str] | None:
    if not text or re.fullmatch(_LABEL_WORD, text):
        return None
    return f"{show(text)} is no value of a label", "use up to 63 letters, digits, dots, dashes and underscores"


LabelKey = Annotated[str, Rule(_check_label_key, {"pattern": f"^{_LABEL_KEY}$"})]
"""The key of a label or a taint: `team`, `example.org/team`."""
LabelValue = Annotated[str, Rule(_check_label_value, {"pattern": f"^({_LABEL_WORD})?$"})]
"""The value of a label or a taint; empty is allowed."""


def _check_version(text: str) -> tuple[str, str] | None:
    if text in KUBERNETES:
        return None
    return f"{show(text)} is not a supported Kubernetes version", f"use one of {', '.join(KUBERNETES)}"


KubernetesVersion = Annotated[str, Rule(_check_version, {"enum": list(KUBERNETES)})]
"""A Kubernetes minor version in quotes, `"1.35"`: without quotes it is a number, and 1.30 would be 1.3."""


def _check_repository(text: str) -> tuple[str, str] | None:
    if is_repository(text):
        return None
    fix = "write the image of the workload without its version: registry.example.org/team/name"
    return f"{show(text)} is no repository with its registry", fix


Repository = Annotated[str, Rule(_check_repository)]
"""Registry and path of an image, without tag or digest."""
