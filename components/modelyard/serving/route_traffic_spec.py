"""What a user writes of how the gateway treats a route's requests: again, how many, and by which replica.

Only Envoy Gateway does these. https://gateway.envoyproxy.io/docs/api/extension_types/#backendtrafficpolicyspec
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import annotated_types

from modelyard.errors import Problem
from modelyard.serving.words import HeaderName
from modelyard.spec import Count, spec

RetryOn = Literal["connection", "unavailable", "gateway_error", "busy"]
"""What a gateway may try again after: no connection to a replica, 503, any of 502, 503 and 504, 429."""
RequestMib = Annotated[int, annotated_types.Interval(ge=1, le=64)]
"""MiB of a request. The gateway keeps the whole of it in memory, of which an Envoy has 1 GiB."""
RetryCount = Annotated[int, annotated_types.Interval(ge=1, le=10)]
"""From one to ten."""


@spec
class RetrySpec:
    """Requests that the gateway sends once more, to another replica if there is one."""

    attempts: RetryCount = 2
    """How often at most, after the first. More of them load replicas that have too much already."""
    on: Annotated[Sequence[RetryOn], annotated_types.MinLen(1)] = ("connection",)
    """After what: `connection`, no connection or one that broke before the request was sent; `unavailable`, status 503;
    `gateway_error`, status 502, 503 or 504; `busy`, status 429. Connections alone, as the server then saw nothing: all
    else may compute an answer twice."""


@spec
class RateLimitSpec:
    """Requests beyond a number are answered with 429. Each of the gateway's pods counts for itself."""

    requests_per_minute: Count
    """How many each pod of the gateway lets through. All of them together let through this many times their number,
    which is between the gateway's `min_replicas` and `max_replicas`."""
    per: Literal["client_ip", "api_key"] | None = None
    """Who has this number to himself: each address, or each client with a key of `api_keys`. Left out: all clients
    share it."""
    per_header: HeaderName | None = None
    """Instead of `per`: each value of this header, for clients that say truly who they are. Requests without it are not
    counted."""

    def problems(self) -> Iterable[Problem]:
        """One way to tell clients apart."""
        if self.per and self.per_header:
            yield Problem(path="per_header", why=f"is given beside per: {self.per}", fix="remove one of them")
