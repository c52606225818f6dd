"""Every resource type that the simulated AWS knows: those that the library registers, and no other."""

from tools.offline.aws import kinds_compute, kinds_identity, kinds_network, kinds_storage
from tools.offline.aws.kinds import Kind

KINDS: dict[str, Kind] = {
    kind.token: kind
    for kind in (*kinds_network.KINDS, *kinds_compute.KINDS, *kinds_identity.KINDS, *kinds_storage.KINDS)
}


class UnknownTypeError(LookupError):
    """A type that the library does not register."""


def kind_of(token: str) -> Kind:
    """What is said of a type.

    Raises:
        UnknownTypeError: it is not one that a program may make here.
    """
    kind = KINDS.get(token)
    if kind is None or kind.internal:
        raise UnknownTypeError(
            f"{token} is no type that the simulated AWS knows: it knows exactly those that modelyard registers; "
            "a new one goes into tools/offline/aws/kinds_*.py"
        )
    return kind
