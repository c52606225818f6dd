"""Names of resources of which there is one for each entry of a list."""

from modelyard.cluster.logical_names import logical_names


def end(path: str) -> str:
    return path.rpartition("/")[2]


def test_names_that_differ_are_plain() -> None:
    assert logical_names(["a/b", "a/c"], end) == {"a/b": "b", "a/c": "c"}


def test_a_name_that_an_earlier_entry_has_gets_a_digest() -> None:
    names = logical_names(["a/b", "c/b", "d/b"], end)
    assert names["a/b"] == "b", "the first keeps the resource that it has"
    assert len(set(names.values())) == 3
    assert all(name.startswith("b-") for entry, name in names.items() if entry != "a/b")


def test_an_entry_that_is_added_at_the_end_renames_none() -> None:
    before = logical_names(["a/b", "c/b"], end)
    assert logical_names(["a/b", "c/b", "d/b"], end).items() >= before.items()
