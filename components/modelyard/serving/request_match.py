"""Which requests are meant, by their headers and cookies. Imports no Pulumi package."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Annotated

from modelyard.errors import Problem, show
from modelyard.serving.words import HeaderName
from modelyard.spec import Rule, spec

_COOKIE = "cookie"


def _check_plain(text: str) -> tuple[str, str] | None:
    # What a cookie's value may have, and no more: it is looked for by an expression.
    if re.fullmatch(r"[A-Za-z0-9!#$%&'()*+./:<=>?@^_`{|}~\[\]-]+", text):
        return None
    return f"{show(text)} is no value that proxies compare alike", "use letters, digits and dashes"


MatchValue = Annotated[str, Rule(_check_plain)]
"""What a header or cookie must be, letter by letter: one word."""


Headers = Mapping[HeaderName, MatchValue]
"""Headers that a request must all have."""


def header_problems(headers: Headers) -> Iterator[Problem]:
    """Headers that are one, as HTTP does not tell their names apart by case. Paths begin with `header`."""
    first: dict[str, str] = {}
    for name in headers:
        twin = first.setdefault(name.lower(), name)
        if twin != name:
            yield Problem(path=f"header.{name}", why=f"is the header {twin} once more", fix="remove one of them")


def header_rule(headers: Headers) -> frozenset[tuple[str, str]]:
    """Equal for headers that the same requests have."""
    return frozenset((name.lower(), value) for name, value in headers.items())


def match_problems(match: "RequestMatchSpec", taken: Headers) -> Iterator[Problem]:
    """What a rule of a route cannot say, as it names each header once, and all cookies are one header.
    https://gateway-api.sigs.k8s.io/reference/spec/#httproutematch

    Args:
        match: which requests.
        taken: headers that the route itself asks for.
    """
    yield from header_problems(match.header)
    known = {name.lower() for name in taken}
    for name in match.header:
        if name.lower() in known:
            fix = "choose by another header, or leave it out of the route"
            yield Problem(path=f"header.{name}", why="is asked for by the route itself", fix=fix)
    if len(match.cookie) > 1:
        why = f"{' and '.join(match.cookie)} come in one header, in any order"
        yield Problem(path="cookie", why=why, fix="choose by one of them")
    given = next((name for name in match.header if name.lower() == _COOKIE), None)
    if given and match.cookie:
        yield Problem(path=f"header.{given}", why="is given beside cookie, which is the same", fix="use cookie")


@spec
class RequestMatchSpec:
    """Which requests are meant by their headers or cookies."""

    header: Headers = field(default_factory=dict[str, str])
    """Headers that a request must all have, with these values: `{x-ranker: next}`."""
    cookie: Mapping[HeaderName, MatchValue] = field(default_factory=dict[str, str])
    """Cookies that a request must all have, with these values."""

    @property
    def has_rule(self) -> bool:
        """Whether it says anything of requests."""
        return bool(self.header or self.cookie)

    @property
    def rule(self) -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
        """Equal for rules that the same requests fit."""
        return header_rule(self.header), frozenset(self.cookie.items())
