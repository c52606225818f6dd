from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelyard.errors import ConfigError
from modelyard.operators.crds import crds_in, permissive_crd
from modelyard.operators.definition import Kind

WIDGET = Kind(group="example.org", version="v1", kind="Widget", plural="widgets")
FLEET = Kind(group="example.org", version="v1beta1", kind="Fleet", plural="fleets", namespaced=False)


def crd(kind: Kind, *, versions: tuple[str, ...] = ("v1",), served: bool = True) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name, "annotations": {"made-by": "a-generator"}, "creationTimestamp": None},
        "spec": {"group": kind.group, "versions": [{"name": each, "served": served} for each in versions]},
        "status": {"conditions": []},
    }


def write(path: Path, *documents: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump_all(documents), encoding="utf-8")


def problem(folder: Path, *kinds: Kind) -> str:
    with pytest.raises(ConfigError) as caught:
        crds_in(str(folder), kinds)
    return str(caught.value)


def test_a_permissive_kind_has_its_names_scope_and_version() -> None:
    spec = permissive_crd(FLEET)["spec"]
    assert spec["scope"] == "Cluster"
    assert spec["names"] == {"kind": "Fleet", "plural": "fleets", "singular": "fleet"}
    assert [version["name"] for version in spec["versions"]] == ["v1beta1"]
    assert permissive_crd(WIDGET)["spec"]["scope"] == "Namespaced"


def test_a_status_is_apart_where_something_writes_it() -> None:
    """Otherwise whoever writes an object would take back what was written of its status."""
    [written] = permissive_crd(replace(WIDGET, has_status=True))["spec"]["versions"]
    [plain] = permissive_crd(WIDGET)["spec"]["versions"]
    assert written == {**plain, "subresources": {"status": {}}}
    assert "subresources" not in plain


def test_kinds_are_found_in_subfolders_and_files_of_several(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b.yml", {"kind": "Namespace", "metadata": {"name": FLEET.crd_name}}, crd(WIDGET))
    write(tmp_path / "fleet.yaml", None, crd(FLEET, versions=("v1alpha1", "v1beta1")))
    fleet, widget = crds_in(str(tmp_path), [FLEET, WIDGET])
    assert fleet["metadata"] == {"name": "fleets.example.org", "annotations": {"made-by": "a-generator"}}
    assert widget["metadata"]["name"] == "widgets.example.org"
    assert set(widget) == {"metadata", "spec"}


def test_a_file_of_other_kinds_is_not_even_parsed(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("{", encoding="utf-8")
    write(tmp_path / "widget.yaml", crd(WIDGET))
    assert len(crds_in(str(tmp_path), [WIDGET])) == 1


def test_every_missing_kind_is_named(tmp_path: Path) -> None:
    write(tmp_path / "note.yaml", {"kind": "Note", "metadata": {"name": WIDGET.crd_name}})
    found = problem(tmp_path, WIDGET, FLEET)
    assert "has no CustomResourceDefinition widgets.example.org; add its file" in found
    assert "has no CustomResourceDefinition fleets.example.org" in found


def test_what_only_looks_like_the_kind_is_no_kind(tmp_path: Path) -> None:
    write(tmp_path / "empty.yaml", {"kind": "CustomResourceDefinition", "metadata": {"name": WIDGET.crd_name}})
    write(tmp_path / "nameless.yaml", {"kind": "CustomResourceDefinition", "spec": {"a": WIDGET.crd_name}})
    assert "has no CustomResourceDefinition widgets.example.org" in problem(tmp_path, WIDGET)


def test_a_kind_of_another_version_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "fleet.yaml", crd(FLEET, versions=("v1", "v2")))
    assert "fleets.example.org in" in problem(tmp_path, FLEET)
    assert "serves v1, v2, not v1beta1" in problem(tmp_path, FLEET)


def test_a_kind_that_is_not_served_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "widget.yaml", crd(WIDGET, served=False))
    assert "not v1" in problem(tmp_path, WIDGET)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kinds.yaml"
    write(path, crd(WIDGET))
    assert "is not a folder of CustomResourceDefinitions" in problem(path, WIDGET)
    assert "is not a folder of CustomResourceDefinitions" in problem(tmp_path / "absent", WIDGET)


def test_a_broken_file_of_a_needed_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "widget.yaml").write_text(f"metadata:\n  name: {WIDGET.crd_name}\n {{", encoding="utf-8")
    assert "widget.yaml is not YAML" in problem(tmp_path, WIDGET)


@pytest.mark.parametrize(
    ("group", "is_marked"),
    [
        ("gateway.networking.k8s.io", True),
        ("node.kubernetes.io", True),
        ("kueue.x-k8s.io", False),
        ("example.org", False),
    ],
)
def test_a_kind_in_a_group_of_kubernetes_itself_says_that_nobody_approved_it(group: str, *, is_marked: bool) -> None:
    metadata = permissive_crd(Kind(group=group, version="v1", kind="Widget", plural="widgets"))["metadata"]
    assert ("api-approved.kubernetes.io" in metadata.get("annotations", {})) == is_marked
