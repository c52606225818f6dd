"""The table of features in the README is the one that the tests make."""

import inspect

from tests.engine import test_every_cluster
from tests.engine.every_cluster import KINDS
from tests.engine.features import FEATURES, Feature
from tests.features import BEGIN, END, cell, with_table
from tests.support.paths import ROOT


def test_the_readme_has_the_table_of_the_tests() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.count(BEGIN) == readme.count(END) == 1
    assert with_table(readme) == readme, "run python -m tests.features"


def test_every_test_of_every_cluster_is_a_row() -> None:
    tests = [name for name, _ in inspect.getmembers(test_every_cluster, inspect.isfunction) if name.startswith("test_")]
    assert sorted(tests) == sorted(each.test for each in FEATURES)


def test_a_cell_is_no_better_than_what_was_shown() -> None:
    host, kwok = KINDS["host"], KINDS["kwok"]
    assert cell(Feature(name="a", test="t"), host) == "real"
    assert cell(Feature(name="a", test="t"), kwok) == "simulated"
    assert cell(Feature(name="a", test="t", at_most="simulated"), host) == "simulated"
    assert cell(Feature(name="a", test="t", at_most="schema only"), kwok) == "schema only"
    assert cell(Feature(name="a", test="t", needs="object_store"), host) == "-"
