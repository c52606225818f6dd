"""CustomResourceDefinitions as plain values: permissive ones, and the real ones from a folder."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelyard.errors import ConfigError, Problem, show
from modelyard.operators.definition import Kind

# Kubernetes' own groups ask who has approved a kind:
# https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/2337-k8s.io-group-protection
_PROTECTED = (".k8s.io", ".kubernetes.io")
_APPROVED = "api-approved.kubernetes.io"

Crd = Mapping[str, Any]
"""`metadata` and `spec` of a CustomResourceDefinition."""


def permissive_crd(kind: Kind) -> Crd:
    """A CustomResourceDefinition that accepts every object of the kind, whatever is in it."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    approval = (
        {"annotations": {_APPROVED: "unapproved, accepts every object"}} if kind.group.endswith(_PROTECTED) else {}
    )
    version: dict[str, Any] = {"name": kind.version, "served": True, "storage": True}
    if kind.has_status:
        version["subresources"] = {"status": {}}
    return {
        "metadata": {"name": kind.crd_name, **approval},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {"kind": kind.kind, "plural": kind.plural, "singular": kind.kind.lower()},
            "versions": [{**version, "schema": {"openAPIV3Schema": anything}}],
        },
    }


def crds_in(folder: str, kinds: Sequence[Kind]) -> list[Crd]:
    """The CustomResourceDefinitions of `kinds`, in that order, from the YAML files in `folder` and below it.

    Raises:
        ConfigError: it is no folder, a file of it is no YAML, or a kind is missing or not served in the version needed.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        fix = "name a folder, relative to where the stack's program stands, or leave crds out"
        raise ConfigError(Problem(why=f"{show(folder)} is not a folder of CustomResourceDefinitions", fix=fix))
    found = {crd["metadata"]["name"]: crd for crd in _read(root, {kind.crd_name for kind in kinds})}
    problems = [problem for kind in kinds for problem in _kind_problems(folder, kind, found.get(kind.crd_name))]
    if problems:
        raise ConfigError(problems)
    return [found[kind.crd_name] for kind in kinds]


def _kind_problems(folder: str, kind: Kind, crd: Crd | None) -> Iterator[Problem]:
    if crd is None:
        why = f"{show(folder)} has no CustomResourceDefinition {kind.crd_name}"
        yield Problem(why=why, fix="add its file, or leave crds out: then every object of the kind is accepted")
        return
    served = [version["name"] for version in crd["spec"]["versions"] if version.get("served")]
    if kind.version not in served:
        why = f"{kind.crd_name} in {show(folder)} serves {', '.join(served)}, not {kind.version}"
        yield Problem(why=why, fix=f"put a file there that serves {kind.version}")


def _read(root: Path, names: set[str]) -> Iterator[Crd]:
    # Such folders hold megabytes of schemas: only a file that names one of ours is worth parsing.
    for path in sorted(each for each in root.rglob("*") if each.suffix in {".yaml", ".yml"}):
        text = path.read_text(encoding="utf-8", errors="replace")
        if any(name in text for name in names):
            yield from (_cleaned(document) for document in _documents(path, text) if _is_crd(document, names))


def _documents(path: Path, text: str) -> Iterator[Any]:
    import yaml

    try:
        # Ten times as fast where libyaml is there, which for schemas of a megabyte is seconds.
        yield from yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise ConfigError(Problem(why=f"{path} is not YAML ({said})", fix="correct or remove the file")) from None


def _is_crd(document: Any, names: set[str]) -> bool:
    match document:
        case {"kind": "CustomResourceDefinition", "metadata": {"name": name}, "spec": {"versions": [*_]}}:
            return name in names
        case _:
            return False


def _cleaned(crd: Crd) -> Crd:
    metadata = {key: value for key, value in crd["metadata"].items() if key in {"name", "labels", "annotations"}}
    return {"metadata": metadata, "spec": crd["spec"]}
