"""The table of features in the README: what of them is shown on which kind of cluster, from the tests that show it.

`python -m tests.features` writes it.
"""

from collections.abc import Iterator

from tests.engine import test_every_cluster
from tests.engine.every_cluster import KINDS, ClusterKind
from tests.engine.features import FEATURES, Feature
from tests.support.paths import ROOT

BEGIN, END = "<!-- features: python -m tests.features -->", "<!-- /features -->"
"""Between these lines of the README the table stands."""
_README = ROOT / "README.md"
_ORDER = ("real", "simulated", "schema only")


def cell(feature: Feature, kind: ClusterKind) -> str:
    """How a feature is shown on a kind of cluster, or `-` where the cluster does not have it."""
    if feature.needs in kind.unsupported:
        return "-"
    return max(feature.at_most, kind.level, key=_ORDER.index)


def table() -> str:
    """The table in Markdown."""
    # Its tests note what they show when they are read.
    assert test_every_cluster
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "| | " + " | ".join(KINDS) + " |"
    yield "|---" * (len(KINDS) + 1) + "|"
    for feature in FEATURES:
        yield f"| {feature.name} | " + " | ".join(cell(feature, kind) for kind in KINDS.values()) + " |"


def with_table(readme: str) -> str:
    """The README with the table as it is now."""
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    _README.write_text(with_table(_README.read_text(encoding="utf-8")), encoding="utf-8")
