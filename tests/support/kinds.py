"""Kinds that charts bring, on a real API server."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelyard.operators.crds import Crd, crds_in
from modelyard.operators.definition import Kind
from tests.support.control_plane import ApiServer
from tests.support.manifests import apply, delete
from tests.support.processes import wait_until


def definitions(crds: Iterable[Crd]) -> list[dict[str, Any]]:
    """As objects of their own, of what says only their metadata and what is in them."""
    head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return [{**head, **crd} for crd in crds]


@contextmanager
def served(server: ApiServer, crds: Sequence[dict[str, Any]]) -> Generator[None]:
    """What these define is known to the API server for as long as the block lasts."""
    assert apply(server, crds, dry_run=False) == ""
    try:
        probes = [_probe(crd["spec"]) for crd in crds]
        wait_until(lambda: _are_known(apply(server, probes, dry_run=True)), "the kinds to be served")
        yield
    finally:
        delete(server, crds)


@contextmanager
def real_kinds(server: ApiServer, folder: Path, kinds: Sequence[Kind]) -> Generator[None]:
    """The kinds with the schemas that stand in the files of a folder, for as long as the block lasts."""
    with served(server, definitions(crds_in(str(folder), kinds))):
        yield


def _are_known(complaints: str) -> bool:
    return "no matches for kind" not in complaints and "could not find the requested resource" not in complaints


def _probe(spec: dict[str, Any]) -> dict[str, Any]:
    """An object that need not be accepted: whether its kind is known is said first."""
    version = next(each["name"] for each in spec["versions"] if each["served"])
    return {
        "apiVersion": f"{spec['group']}/{version}",
        "kind": spec["names"]["kind"],
        "metadata": {"name": "probe"},
    }
