import pytest

from modelyard.cluster.networks import endpoint_problems, public_count_problems

OPEN = "lets most of the internet reach the API server"
PRIVATE = "has private addresses, which a public endpoint never sees"


@pytest.mark.parametrize("cidr", ["203.0.113.0/24", "198.51.100.7/32", "16.0.0.0/8"])
def test_public_ranges_of_some_are_allowed(cidr: str) -> None:
    assert list(endpoint_problems([cidr])) == []


@pytest.mark.parametrize(
    ("cidr", "why"), [("0.0.0.0/0", OPEN), ("16.0.0.0/7", OPEN), ("10.0.0.0/16", PRIVATE), ("100.64.0.0/16", PRIVATE)]
)
def test_public_ranges_of_everybody_and_private_ones_are_refused(cidr: str, why: str) -> None:
    (problem,) = endpoint_problems(["203.0.113.0/24", cidr])
    assert (problem.path, problem.why) == ("public_cidrs[1]", f"{cidr} {why}")


def test_where_private_ranges_belong_is_the_clouds_own_affair() -> None:
    assert [each.fix for each in endpoint_problems(["10.0.0.0/16"])] == ["move it to private_cidrs"]
    assert [each.fix for each in endpoint_problems(["10.0.0.0/16"], private_fix="leave it out")] == ["leave it out"]


def test_private_ranges_are_private() -> None:
    assert list(endpoint_problems(None, ["10.0.0.0/8", "192.168.1.7/32"])) == []
    (problem,) = endpoint_problems(None, ["203.0.113.0/24"])
    assert str(problem).startswith("private_cidrs[0]: 203.0.113.0/24 are no private addresses")


def test_a_range_stands_there_once() -> None:
    public, private = "203.0.113.0/24", "10.0.0.0/8"
    assert list(endpoint_problems([public, "198.51.100.7/32"], [private, "10.0.0.0/9"])) == []
    assert [str(each) for each in endpoint_problems([public, public], [private, private])] == [
        f"public_cidrs: {public} stands there twice; name each once",
        f"private_cidrs: {private} stands there twice; name each once",
    ]


def test_there_are_ranges_but_not_too_many() -> None:
    assert list(public_count_problems(None, 2)) == []
    assert list(public_count_problems(["203.0.113.0/24"] * 2, 2)) == []
    for ranges in ([], ["203.0.113.0/24"] * 3):
        (problem,) = public_count_problems(ranges, 2)
        why, fix = f"{len(ranges)} ranges are not possible", "name 1 to 2, or leave it out for a private endpoint"
        assert (problem.path, problem.why, problem.fix) == ("public_cidrs", why, fix)
