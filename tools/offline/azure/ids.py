"""Resource ids, and who and where the simulated subscription is.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types
"""

import hashlib

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
"""The subscription where nothing else is said; a provider names its own."""
_SUBSCRIPTION_PARTS = 2
TENANT = "11111111-1111-1111-1111-111111111111"
CALLER = "22222222-2222-2222-2222-222222222222"
"""The object id of who makes everything."""


def guid(*words: str) -> str:
    """A GUID that is always the same for the same words."""
    digits = hashlib.sha256("|".join(words).encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"


def same(one: object, other: object) -> bool:
    """Whether two ids name one resource: case says nothing in them."""
    return isinstance(one, str) and isinstance(other, str) and one.lower() == other.lower()


def group_id(resource_id: str) -> str:
    """The id of the resource group that a resource is in; empty where it is in none."""
    parts = resource_id.split("/")
    return "/".join(parts[:5]) if len(parts) > 4 and parts[3].lower() == "resourcegroups" else ""


def name_of(resource_id: str) -> str:
    """The last part of an id."""
    return resource_id.rpartition("/")[2]


def parent_id(resource_id: str) -> str:
    """The id of what a child resource is in: `…/virtualNetworks/v` of `…/virtualNetworks/v/subnets/s`."""
    return resource_id.rsplit("/", 2)[0]


def is_within(resource_id: str, scope: str) -> bool:
    """Whether a scope (a subscription, a group, a resource) reaches a resource."""
    return f"{resource_id.lower()}/".startswith(f"{scope.lower().rstrip('/')}/")


def is_subscription(scope: str) -> bool:
    """Whether a scope is a whole subscription."""
    return len(scope.strip("/").split("/")) == _SUBSCRIPTION_PARTS
