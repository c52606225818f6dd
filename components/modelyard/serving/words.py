"""Words of services with a form of their own."""

import re
from typing import Annotated

import annotated_types

from modelyard.errors import show
from modelyard.spec import Rule

StartupSeconds = Annotated[int, annotated_types.Interval(ge=5, le=86400)]
"""A start-up budget: from one probe's period to a day."""
DrainSeconds = Annotated[int, annotated_types.Interval(ge=0, le=3600)]
"""Time to end requests that are under way."""


def _check_path(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"/[!-~]*", text):
        return None
    return f"{show(text)} is no path", "write one beginning with /, without spaces"


HttpPath = Annotated[str, Rule(_check_path, {"pattern": "^/[!-~]*$"})]
"""A path on the container's own HTTP server: `/healthz`."""
