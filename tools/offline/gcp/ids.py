"""Numbers and names as Google gives them."""

import hashlib
import re
from typing import Any

COMPUTE = "https://www.googleapis.com/compute/v1/"
"""What a resource of Compute Engine's link begins with, before its id."""
_LINK = re.compile(r"https://[a-z.]+/[a-z]+/v\d\w*/")


def number_of(project: str) -> str:
    """The number of a project."""
    return str(int(hashlib.sha256(project.encode()).hexdigest(), 16))[:12]


def path_of(link: Any) -> str:
    """A link without its host and API version, which is the resource's id; anything else stays as it is."""
    return _LINK.sub("", str(link))


def last_of(path: Any) -> str:
    """The name at the end of a link or id."""
    return str(path).rpartition("/")[2]
