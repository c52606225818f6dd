"""Ranges of addresses as plain values: which are allowed where."""

from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Network

from modelyard.errors import Problem

# https://datatracker.ietf.org/doc/html/rfc1918 and rfc6598
_PRIVATE = tuple(IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_SHARED = IPv4Network("100.64.0.0/10")
_WIDEST_PUBLIC_PREFIX = 8


def is_cidr(text: str, network: Callable[[str], object] = IPv4Network) -> bool:
    """Whether text is a range of addresses with no bits after the prefix: of IPv4, or of what `network` reads."""
    try:
        return "/" in text and bool(network(text))
    except ValueError:
        return False


def cidr_of(text: str) -> IPv4Network:
    """The range that valid text means."""
    return IPv4Network(text)


def address_problems(cidr: str, widest: int, narrowest: int, what: str, *, shared: bool = True) -> Iterator[Problem]:
    """Why a range cannot be `what`: its size, or addresses that are not private.

    Args:
        cidr: a valid range.
        widest: the shortest prefix.
        narrowest: the longest prefix.
        what: for messages.
        shared: whether 100.64.0.0/10, which providers use among themselves, will do too.
    """
    network = cidr_of(cidr)
    if not widest <= network.prefixlen <= narrowest:
        size = "small" if network.prefixlen > narrowest else "large"
        yield Problem(why=f"{cidr} is too {size} for {what}", fix=f"use /{widest} to /{narrowest}")
    private = (*_PRIVATE, _SHARED) if shared else _PRIVATE
    if not any(network.subnet_of(each) for each in private):
        listed = ", ".join(str(each) for each in private)
        yield Problem(why=f"{cidr} are no private addresses", fix=f"choose a range within {listed}")


def public_count_problems(ranges: Sequence[str] | None, most: int) -> Iterator[Problem]:
    """No ranges at all for a public endpoint, or more than a cloud allows; none where it is left out."""
    if ranges is not None and not 0 < len(ranges) <= most:
        fix = f"name 1 to {most}, or leave it out for a private endpoint"
        yield Problem(path="public_cidrs", why=f"{len(ranges)} ranges are not possible", fix=fix)


def endpoint_problems(
    public: Sequence[str] | None, private: Sequence[str] = (), *, private_fix: str = "move it to private_cidrs"
) -> Iterator[Problem]:
    """Ranges that an endpoint cannot be let to, with paths below `public_cidrs` and `private_cidrs`.

    Args:
        public: valid ranges of its public address.
        private: valid ranges of its private one.
        private_fix: what to do with private ranges that stand among the public ones.
    """
    for name, ranges in (("public_cidrs", public or ()), ("private_cidrs", private)):
        for cidr in sorted({each for each in ranges if list(ranges).count(each) > 1}):
            yield Problem(path=name, why=f"{cidr} stands there twice", fix="name each once")
    for index, cidr in enumerate(public or ()):
        for problem in _public_problems(cidr, private_fix):
            yield problem.under(f"public_cidrs[{index}]")
    for index, cidr in enumerate(private):
        for problem in address_problems(cidr, 8, 32, "a private network"):
            yield problem.under(f"private_cidrs[{index}]")


def _public_problems(cidr: str, private_fix: str) -> Iterator[Problem]:
    """As good as everybody, or addresses that the internet has not."""
    network = cidr_of(cidr)
    if network.prefixlen < _WIDEST_PUBLIC_PREFIX:
        fix = "name the ranges of your offices, VPN and CI, or leave public_cidrs out for a private endpoint"
        yield Problem(why=f"{cidr} lets most of the internet reach the API server", fix=fix)
    elif any(network.overlaps(each) for each in (*_PRIVATE, _SHARED)):
        yield Problem(why=f"{cidr} has private addresses, which a public endpoint never sees", fix=private_fix)
