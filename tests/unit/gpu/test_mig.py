"""Slices that fit on a GPU together, and those that do not."""

import pytest

from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.mig import divided, memory_parts, mig_problems, total_parts

H100 = ACCELERATORS["h100"]


def said(mig: str | dict[str, int], accelerator: str = "h100") -> list[str]:
    return [str(problem) for problem in mig_problems(mig, ACCELERATORS[accelerator])]


@pytest.mark.parametrize(
    ("accelerator", "mig", "line"),
    [
        ("l4", "1g.10gb", ("l4 cannot be divided by MIG; use time_slicing or mps, or one of a100-40gb, a100-80gb, "
                           "b200, b300, gb200, gb300, h100, h100-nvl, h200, rtx-pro-4500, rtx-pro-6000")),
        ("h100", "1g.5gb", ("'1g.5gb' is no profile of h100; use one of 1g.10gb, 1g.10gb+me, 1g.20gb, 2g.20gb, "
                            "3g.40gb, 4g.40gb, 7g.80gb")),
        ("h100", {"1g.10gb": 1, "1g.18gb": 1}, ("'1g.18gb' is no profile of h100; use one of 1g.10gb, 1g.10gb+me, "
                                               "1g.20gb, 2g.20gb, 3g.40gb, 4g.40gb, 7g.80gb")),
        ("h100", {"1g.10gb": 8}, "8 of 1g.10gb do not fit on one h100; use at most 7"),
        ("h100", {"2g.20gb": 3, "1g.10gb": 2},
         "they take 8 compute slices, and one h100 has 7; use fewer or smaller ones"),
        ("h100", {"3g.40gb": 2, "1g.10gb": 1},
         "they take 9 of the 8 parts of memory that one h100 has; use fewer or smaller ones"),
        ("rtx-pro-6000", {"2g.48gb": 2, "1g.24gb": 1},
         "they take 5 compute slices, and one rtx-pro-6000 has 4; use fewer or smaller ones"),
        ("rtx-pro-4500", {"2g.32gb": 1, "1g.16gb": 1},
         "they take 3 compute slices, and one rtx-pro-4500 has 2; use fewer or smaller ones"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(accelerator: str, mig: str | dict[str, int], line: str) -> None:
    assert said(mig, accelerator) == [line]


@pytest.mark.parametrize(
    ("accelerator", "mig"),
    [
        ("h100", "1g.10gb"),
        ("h100", {"1g.10gb": 7}),
        ("h100", {"2g.20gb": 3, "1g.10gb": 1}),
        ("h100", {"3g.40gb": 1, "1g.10gb": 4}),
        ("h100", {"4g.40gb": 1, "3g.40gb": 1}),
        ("h100", {"1g.10gb+me": 1, "1g.10gb": 6}),
        ("b200", {"3g.90gb": 2}),
        ("rtx-pro-6000", {"2g.48gb": 1, "1g.24gb": 2}),
        ("rtx-pro-4500", {"1g.16gb": 1, "1g.16gb-me": 1}),
    ],
)
def test_what_fits_passes(accelerator: str, mig: str | dict[str, int]) -> None:
    assert said(mig, accelerator) == []


@pytest.mark.parametrize("name", [name for name, each in ACCELERATORS.items() if each.mig_profiles])
def test_as_many_of_each_profile_as_the_table_says_fit(name: str) -> None:
    accelerator = ACCELERATORS[name]
    for profile in accelerator.mig_profiles.values():
        assert said({profile.name: profile.most_per_gpu}, name) == []
        assert divided(profile.name, accelerator) == {profile.name: profile.most_per_gpu}
        assert 1 <= memory_parts(profile, accelerator) <= total_parts(accelerator)
    assert total_parts(accelerator) == {"rtx-pro-4500": 2, "rtx-pro-6000": 4}.get(name, 8)
