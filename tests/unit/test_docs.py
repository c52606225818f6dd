"""The parts of stack files in our pages: each is refused by nothing, in a stack that has what it does not say."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from modelyard.stack.file import check_file
from modelyard.stack.spec import StackSpec
from tests.support.paths import ROOT

DOCS = ROOT / "docs"
SERVING = DOCS / "guides" / "serving.md"
KEYS = {each.name for each in fields(StackSpec)}
POOLS = {
    "system": {"cpus": 16, "memory_gib": 64, "min_nodes": 2, "max_nodes": 20},
    "l4": {"accelerator": "l4", "gpus_per_node": 1, "max_nodes": 20},
    "h100": {"accelerator": "h100", "gpus_per_node": 8, "max_nodes": 8},
}
PLATFORM = {"gateway": {"hostname": "models.example.org"}}
CLOUD = {"eks": {"region": "us-east-1"}}
OF_CLOUDS = ["workspaces.md"]
"""Pages with what a local cluster has not, and no cluster in an example."""


def blocks(page: Path) -> Iterator[dict[str, Any]]:
    """The parts of stack files on a page, but those with something left out."""
    for text in re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        found = yaml.safe_load(text) if "…" not in text else None
        if isinstance(found, dict) and set(cast("dict[str, Any]", found)) <= KEYS:
            yield cast("dict[str, Any]", found)


def stack_with(block: Mapping[str, Any], page: Path) -> dict[str, Any]:
    """A stack with this part. Where the page begins with a cluster, that and its pools are the others' too."""
    first = next(blocks(page))
    own = first if "cluster" in first and "pools" in first else {}
    cluster = own.get("cluster", CLOUD if page.name in OF_CLOUDS else {"local": {}})
    platform = {**PLATFORM, **block.get("platform", {})}
    pools = {**own.get("pools", POOLS), **block.get("pools", {})}
    return {"cluster": cluster, "observability": {"metrics": {}}, **block, "platform": platform, "pools": pools}


def secrets_of(stack: Mapping[str, Any]) -> set[str]:
    """The configuration keys that its workspaces' secrets name."""
    workspaces: list[dict[str, Any]] = list(stack.get("workspaces", {}).values())
    return {each["from"].removeprefix("config/") for one in workspaces for each in one.get("secrets", {}).values()}


EXAMPLES = [
    pytest.param(stack_with(block, page), id=f"{page.relative_to(DOCS)} {index}")
    for page in sorted(DOCS.rglob("*.md"))
    for index, block in enumerate(blocks(page))
]


@pytest.mark.parametrize("stack", EXAMPLES)
def test_an_example_is_a_stack(stack: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.example.yaml"
    secrets = {f"modelyard:{key}": {"secure": "v1:abc"} for key in secrets_of(stack)}
    file.write_text(yaml.safe_dump({"config": {"modelyard:stack": stack, **secrets}}), encoding="utf-8")
    assert check_file(file).workspaces.keys() == stack.get("workspaces", {}).keys()


def test_each_question_of_the_guide_has_an_answer_with_an_example() -> None:
    text = SERVING.read_text(encoding="utf-8")
    questions = re.findall(r"^- \[(.*\?)\]", text, re.MULTILINE)
    answers = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert [answer.partition("\n")[0] for answer in answers] == questions
    assert all("```yaml" in answer for answer in answers)


PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text(encoding="utf-8"))
    broken = [
        f"{path}#{anchor}"
        for path, anchor in links
        if not (target := (page.parent / path if path else page)).exists()
        or (anchor and target.suffix == ".md" and anchor not in anchors(target))
    ]
    assert broken == []
