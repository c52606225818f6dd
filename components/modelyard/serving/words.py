"""Words of services with a form of their own."""

import re
from typing import Annotated, Literal

import annotated_types

from modelyard.errors import show
from modelyard.spec import Rule

DrainSeconds = Annotated[int, annotated_types.Interval(ge=0, le=3600)]
"""Time to end requests that are under way."""

Backend = Literal["kubernetes", "kserve"]
"""Who makes the pods of a service."""

Role = Literal["prefill", "decode"]
"""What a server does of each request where another does the rest: it reads the prompt, or writes the answer. In the
words of the label that pickers read."""


_HEADER = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"


def _check_header(text: str) -> tuple[str, str] | None:
    # https://www.rfc-editor.org/rfc/rfc9110#name-tokens
    if re.fullmatch(_HEADER, text):
        return None
    return f"{show(text)} is no name of a header or cookie", "use letters, digits and dashes"


HeaderName = Annotated[str, Rule(_check_header, {"pattern": f"^{_HEADER}$"})]
"""The name of an HTTP header, in any case, or of a cookie."""
