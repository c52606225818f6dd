"""What a user writes of operators: where their charts come from."""

import re
from typing import Annotated

from modelyard.errors import show
from modelyard.spec import Rule, spec

_MIRROR = re.compile(r"(oci|https)://[^\s/?#@]+(/[^\s?#@]+)*/?")


def _check_mirror(text: str) -> tuple[str, str] | None:
    if "@" in text:
        return "holds a user name or password, which would end in clear text in the state", "log in with helm instead"
    if _MIRROR.fullmatch(text):
        return None
    return f"{show(text)} is no chart repository", "write oci://HOST/PATH or https://HOST/PATH"


ChartRepository = Annotated[str, Rule(_check_mirror, {"pattern": f"^{_MIRROR.pattern}$"})]
"""Where charts are published: an OCI path that ends before the chart's name, or an HTTPS repository with an index.
Plain HTTP is refused, since a chart that is changed on its way runs with the operator's rights."""


@spec
class ChartsSpec:
    """Where operators' Helm charts come from."""

    mirror: ChartRepository | None = None
    """One repository with copies of all charts, under their own names and versions. Left out: each chart's publisher. A
    mirror serves charts only: the images in them come from where the charts say."""
