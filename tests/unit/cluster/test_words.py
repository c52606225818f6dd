from typing import Annotated

import pytest

from modelyard.cluster.words import AddressRange, AnyAddressRange, pattern, version
from modelyard.errors import ConfigError
from modelyard.spec import json_schema, spec, validate

NO_RANGE = "is no range of IPv4 addresses; write one like 10.0.0.0/16, without bits after the prefix"


@spec
class Words:
    """One of each."""

    account: Annotated[str, pattern(r"\d{3}", "account", "write three digits")] = "123"
    """By a pattern."""
    kubernetes: Annotated[str, version(("1.35", "1.36"), "that we know")] = "1.35"
    """A version."""
    cidr: AddressRange = "10.0.0.0/16"
    """A range."""
    addresses: AnyAddressRange = "fd00::/8"
    """A range of any addresses."""


@pytest.mark.parametrize(
    "words",
    [
        Words(),
        Words(account="000", kubernetes="1.36", cidr="192.0.2.1/32", addresses="192.0.2.1/32"),
        Words(addresses="fd00::1/128"),
        Words(addresses="0.0.0.0/0"),
    ],
)
def test_what_fits_is_allowed(words: Words) -> None:
    assert validate(words) == words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (Words(account="1234"), "account: '1234' is no account; write three digits"),
        (Words(kubernetes="1.3"), "kubernetes: '1.3' is not a version of Kubernetes that we know; use 1.35 or 1.36"),
        (Words(cidr="10.0.0.1/16"), f"cidr: '10.0.0.1/16' {NO_RANGE}"),
        (Words(cidr="10.0.0.0"), f"cidr: '10.0.0.0' {NO_RANGE}"),
        (Words(cidr="fd00::/8"), f"cidr: 'fd00::/8' {NO_RANGE}"),
        (
            Words(addresses="x"),
            "addresses: 'x' is no range of addresses; write one like 10.20.0.0/16, fd00::/8 or 10.20.0.7/32",
        ),
        (
            Words(addresses="10.0.0.7"),
            "addresses: '10.0.0.7' is an address, and no range; write 10.0.0.7/32 for this one alone",
        ),
        (
            Words(addresses="fd00::1/8"),
            "addresses: 'fd00::1/8' is an address inside a range; write fd00::/8, or /128 for one address",
        ),
    ],
)
def test_what_does_not_fit_is_refused(words: Words, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(words)
    assert [str(problem) for problem in caught.value.problems] == [said]


def test_the_schema_says_it_too() -> None:
    described = json_schema(Words)["properties"]
    assert described["account"]["pattern"] == r"^\d{3}$"
    assert described["kubernetes"]["enum"] == ["1.35", "1.36"]
