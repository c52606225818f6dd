"""What a user writes of a route from the gateway to a service, and how routes go together."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated

import annotated_types

from modelyard.errors import Problem, show
from modelyard.platform.gateway_spec import GKE, GatewaySpec, HostnamePattern, Hostnames
from modelyard.spec import Rule, spec

ROUTE_TIMEOUT_SECONDS = 600
_LONGEST_SECONDS = 86400
# Less than Gateway API allows: what a path must not have there, some proxies read in two ways.
# https://gateway-api.sigs.k8s.io/reference/spec/#httppathmatch
_PATH = r"/|(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+"


def _check_path(text: str) -> tuple[str, str] | None:
    if re.fullmatch(_PATH, text):
        return None
    if not text.startswith("/"):
        return f"{show(text)} does not begin with /", f"write {show('/' + text)}"
    return f"{show(text)} is no path of a route", "write one like /assistant or /v1/fraud, without a slash at its end"


RoutePath = Annotated[str, Rule(_check_path, {"pattern": f"^({_PATH})$"})]
"""A path, and all below it: `/assistant` is also `/assistant/v1/models`, and not `/assistants`."""
RouteSeconds = Annotated[int, annotated_types.Interval(ge=1, le=_LONGEST_SECONDS)]
"""From a second to a day."""


@spec
class RouteSpec:
    """Which requests at the gateway go to a service."""

    path: RoutePath = "/"
    """The path, and all below it. Of several routes that a request fits, the longest path wins."""
    hostnames: Hostnames = ()
    """Names that it answers to, of those that the gateway has. Left out: the gateway's `hostname`."""
    strip_prefix: bool = True
    """Let the server see what follows `path` only, as it knows nothing of the path: `/assistant/v1/models` is its
    `/v1/models`."""
    timeout_seconds: RouteSeconds = ROUTE_TIMEOUT_SECONDS
    """The longest that an answer may take to its last byte; then it is broken off. 600, as a long answer of a language
    model streams for about a minute, or several where many wait; gateways' own limits begin at 15."""

    def names_on(self, gateway: GatewaySpec) -> list[HostnamePattern]:
        """The names that it answers to at this gateway; empty for any."""
        return [*self.hostnames] or ([gateway.hostname] if gateway.hostname else [])


def route_kinds(gateway: GatewaySpec) -> tuple[str, ...]:
    """The kinds of objects that a route at this gateway is made of."""
    return ("HTTPRoute", "GCPBackendPolicy", "HealthCheckPolicy") if gateway.class_ == GKE else ("HTTPRoute",)


def route_problems(route: RouteSpec | None, gateway: GatewaySpec | None) -> Iterator[Problem]:
    """Why a service cannot have this route. Paths begin with `route`."""
    if route is None:
        return
    if gateway is None:
        fix = "add platform: {gateway: {}}, or leave the route out"
        yield Problem(path="route", why="leads from a gateway, and there is none", fix=fix)
        return
    for index, name in enumerate(route.hostnames):
        if not gateway.answers_to(name):
            why = f"{name} is not among the gateway's names, {', '.join(gateway.hostnames)}"
            yield Problem(path=f"route.hostnames[{index}]", why=why, fix="add it to the gateway's more_hostnames")


def twin_route_problems(routes: Mapping[str, RouteSpec], gateway: GatewaySpec) -> Iterable[Problem]:
    """Two routes that the same requests fit, of which one would never be used.

    Args:
        routes: by where they stand, for messages: `workspaces.chat.services.assistant`.
        gateway: what they lead from.
    """
    first: dict[tuple[str, str], str] = {}
    for path, route in routes.items():
        names: Sequence[str] = route.names_on(gateway) or ("*",)
        for name in dict.fromkeys(names):
            twin = first.setdefault((name, route.path), path)
            if twin != path:
                where = "any host" if name == "*" else name
                why = f"{route.path} of {where} is the route of {twin}"
                yield Problem(path=f"{path}.route", why=why, fix="give one of them another path or hostnames")
