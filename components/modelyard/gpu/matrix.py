"""The matrix of node images as text for the guide, which a test compares with the table.

`python -m modelyard.gpu.matrix` prints it.
"""

from collections.abc import Iterator

from modelyard.gpu.node_images import Cell, NodeImage, node_images

_VENDORS = {
    "nvidia": "NVIDIA",
    "amd": "AMD",
    "neuron": "Neuron",
    "tpu": "TPU",
    "any": "Every machine, and what has no row above",
}


def markdown() -> str:
    """Tables of who does what by vendor, then what is refused, why, and what to use instead."""
    return "\n\n".join([*(_table(vendor, title) for vendor, title in _VENDORS.items()), _refusals()])


def _table(vendor: str, title: str) -> str:
    images = [each for each in node_images().values() if any(key[0] == vendor for key in each.cells)]
    features = list(dict.fromkeys(key[1] for each in images for key in each.cells if key[0] == vendor))
    rows = [[feature, *(_word(each.cells.get((vendor, feature))) for each in images)] for feature in features]
    return f"**{title}**\n\n" + "\n".join(_lines(["", *(f"`{each.name}`" for each in images)], rows))


def _word(cell: Cell | None) -> str:
    if not cell:
        return ""
    return "refused" if cell.by == "none" else f"{cell.by} ({cell.detail})" if cell.detail else cell.by


def _refusals() -> str:
    rows = [
        [f"`{image.name}`", _VENDORS[cell.vendor] if cell.vendor != "any" else "", cell.feature, cell.why, cell.fix]
        for image, cell in _refused()
    ]
    return "**Refused**\n\n" + "\n".join(_lines(["image", "vendor", "feature", "because", "instead"], rows))


def _refused() -> Iterator[tuple[NodeImage, Cell]]:
    for image in node_images().values():
        yield from ((image, cell) for cell in image.cells.values() if cell.by == "none")


def _lines(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    for row in [head, ["---"] * len(head), *rows]:
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    print(markdown())
