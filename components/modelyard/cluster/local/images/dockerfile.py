"""What a Dockerfile builds on. https://docs.docker.com/reference/dockerfile/#from"""

import re

_FROM = re.compile(
    r"^\s*FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*$", re.IGNORECASE | re.MULTILINE
)
_PYTHON = re.compile(r"(?:^|/)python:(\d+\.\d+)")
DEBIAN_PYTHON = "3.11"
"""Debian 12's. Source: https://packages.debian.org/bookworm/python3"""


def bases(text: str) -> list[str]:
    """The images of its FROM lines, without earlier stages and `scratch`, and without Docker Hub's own prefixes."""
    stages = {"scratch"}
    found: list[str] = []
    for line in _FROM.finditer(text):
        image = line["image"].removeprefix("docker.io/").removeprefix("library/")
        if image.lower() not in stages:
            found.append(image)
        stages.add((line["stage"] or "").lower())
    return found


def python_version(text: str) -> str:
    """The minor version of Python that the image has: that of its last base `python:X.Y`, otherwise Debian 12's."""
    versions = [match[1] for base in bases(text) if (match := _PYTHON.search(base))]
    return versions[-1] if versions else DEBIAN_PYTHON
