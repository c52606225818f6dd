"""What a user writes of the gateway, through which clients from outside reach services."""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal

import annotated_types

from modelyard.cluster.traits import ClusterTraits
from modelyard.cluster.words import AddressRange
from modelyard.errors import Problem, show
from modelyard.platform.gateway_features import GatewayFeatures, RouteFeature, features_of
from modelyard.spec import Count, Filled, Rule, exactly_one, spec

ENVOY: Literal["envoy"] = "envoy"
GKE: Literal["gke"] = "gke"
Exposure = Literal["internal", "internet"]
"""Who reaches a load balancer."""

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = rf"({_LABEL}\.)+{_LABEL}"
_MOST_CHARACTERS = 253
_MOST_OF_LABEL = 63
"""Of each part between dots, as of the whole: https://www.rfc-editor.org/rfc/rfc1123#section-2"""
_MOST_HOSTNAMES = 16
"""Of an HTTPRoute. https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec"""
# Let's Encrypt asks from addresses that it does not publish: https://letsencrypt.org/docs/faq/
_EVERYBODY = "0.0.0.0/0"


def _is_hostname(text: str) -> bool:
    last = text.rpartition(".")[2]
    return bool(re.fullmatch(_HOSTNAME, text)) and len(text) <= _MOST_CHARACTERS and not last.isdigit()


def _check_hostname(text: str) -> tuple[str, str] | None:
    if _is_hostname(text):
        return None
    fix = "write one like models.example.org, in lower case and without a port"
    return _too_long(text) or (f"{show(text)} is no host name", fix)


def _check_hostname_pattern(text: str) -> tuple[str, str] | None:
    if _is_hostname(text.removeprefix("*.")):
        return None
    fix = "write one like models.example.org or *.models.example.org"
    return _too_long(text) or (f"{show(text)} is no host name", fix)


def _too_long(text: str) -> tuple[str, str] | None:
    """Which of DNS' two limits a name exceeds."""
    longest = max(text.split("."), key=len)
    if len(longest) > _MOST_OF_LABEL:
        why = f"{show(longest)} has {len(longest)} characters, and DNS allows {_MOST_OF_LABEL} between two dots"
        return why, f"use at most {_MOST_OF_LABEL} in each part of the name"
    if len(text) > _MOST_CHARACTERS:
        why = f"{show(text)} has {len(text)} characters, and DNS allows {_MOST_CHARACTERS}"
        return why, f"use at most {_MOST_CHARACTERS}"
    return None


Hostname = Annotated[str, Rule(_check_hostname, {"pattern": f"^{_HOSTNAME}$"})]
"""A name in DNS: `models.example.org`. No address: Gateway API routes by names only."""
HostnamePattern = Annotated[str, Rule(_check_hostname_pattern, {"pattern": rf"^(\*\.)?{_HOSTNAME}$"})]
"""A name in DNS, or all names below one: `*.models.example.org`."""
Hostnames = Annotated[Sequence[HostnamePattern], annotated_types.MaxLen(_MOST_HOSTNAMES)]
"""Up to 16 names."""


def _check_object_name(text: str) -> tuple[str, str] | None:
    if len(text) <= _MOST_CHARACTERS and re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", text):
        return None
    return f"{show(text)} is no name of an object", "use lower-case letters, digits, dashes and dots"


ObjectName = Annotated[str, Rule(_check_object_name, {"pattern": rf"^{_LABEL}(\.{_LABEL})*$"})]
"""The name of an object on the cluster that is there already."""


@spec
class GatewayTlsSpec:
    """Where the gateway's certificate comes from: exactly one of `issuer`, `cluster_issuer` and `secret`.

    Clients that come by HTTP are then sent to HTTPS, and no service is reached without it.
    """

    issuer: Literal["letsencrypt"] | None = None
    """`letsencrypt`: cert-manager is installed and has Let's Encrypt certify the gateway's host names, which it proves
    to own by answering through the gateway (HTTP-01). For a gateway that the internet reaches, and once DNS leads the
    names to it. https://letsencrypt.org/docs/challenge-types/#http-01-challenge"""
    email: Filled | None = None
    """Whom Let's Encrypt writes to about the account. Required with `issuer`, and only there."""
    cluster_issuer: ObjectName | None = None
    """A ClusterIssuer of a cert-manager that is on the cluster already: of a company's own authority, or one that
    answers by DNS."""
    secret: ObjectName | None = None
    """A Secret of type `kubernetes.io/tls` that somebody puts into the namespace `gateway` and renews. Until it is
    there, HTTPS is not answered."""

    def problems(self) -> Iterable[Problem]:
        """Exactly one source, and an address for Let's Encrypt alone."""
        yield from exactly_one(self, "issuer", "cluster_issuer", "secret")
        if self.issuer and not self.email:
            fix = "name a mailbox that somebody reads"
            yield Problem(path="email", why="is missing, which Let's Encrypt needs for its account", fix=fix)
        if self.email and not self.issuer:
            yield Problem(path="email", why="has a meaning with issuer only", fix="leave it out")
        if self.email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", self.email):
            yield Problem(path="email", why=f"{show(self.email)} is no e-mail address", fix="write NAME@DOMAIN")

    @property
    def has_certificate(self) -> bool:
        """Whether cert-manager makes the certificate."""
        return self.secret is None


@spec
class GatewaySpec:
    """One entrance for clients from outside, with one load balancer: services have routes to it."""

    hostname: Hostname | None = None
    """The name by which clients reach it, and every route that names no other. Left out: routes answer to any name, and
    clients use the load balancer's address."""
    more_hostnames: Hostnames = ()
    """Further names, for routes that ask for them."""
    class_: ObjectName = ENVOY
    """Who is the gateway. `envoy`: Envoy Gateway, which is installed, as it works alike on every cluster. `gke`: the
    load balancers of GKE itself, which need `proxies_cidr` in the cluster's network. Any other is the name of a
    GatewayClass that the cluster has."""
    class_features: Sequence[RouteFeature] = ()
    """What a class of the cluster's own can do beyond Gateway API's Core, so that routes and releases may use it:
    `mirror`, `mirror_percent`, `header_patterns`, `response_headers_by_backend`, `request_timeout`, `kv_cache`.
    Of envoy and gke it is known."""
    pickers: bool | None = None
    """Whether Envoy asks pickers of replicas, for routes with `balance: kv_cache`: Envoy AI Gateway then runs beside
    Envoy Gateway. Left out: once a route of the stack has that. True: also while none has, so that no request is lost
    where the first gets it or the last loses it. False: never, and such routes are refused. Only with envoy."""
    exposure: Exposure = "internal"
    """Who reaches the load balancer: `internal`, the cluster's network and those connected with it; `internet`,
    everybody, or `source_cidrs`. Internal, as most model servers ask nobody who he is. With a class of the cluster's
    own this says what that class does."""
    source_cidrs: Sequence[AddressRange] = ()
    """Addresses that may connect from the internet. Left out: all. Only with envoy."""
    tls: GatewayTlsSpec | None = None
    """HTTPS. Left out: HTTP alone."""
    min_replicas: Count = 2
    """Never fewer of Envoy's pods: one can go with its node. Only with envoy."""
    max_replicas: Count = 6
    """Never more of them. An Envoy forwards thousands of requests a second. Only with envoy."""

    def problems(self) -> Iterable[Problem]:
        """Rules across its fields."""
        if self.min_replicas > self.max_replicas:
            why = f"{self.min_replicas} is above max_replicas {self.max_replicas}"
            yield Problem(path="min_replicas", why=why, fix="raise max_replicas")
        if self.more_hostnames and not self.hostname:
            yield Problem(path="more_hostnames", why="are given without hostname", fix="name the first as hostname")
        if self.class_features and self.features.is_known:
            yield Problem(path="class_features", why=f"of class {self.class_} are known", fix="leave it out")
        if self.pickers is not None and self.class_ != ENVOY:
            fix = "leave it out; a class of your own that asks pickers has kv_cache in class_features"
            yield Problem(path="pickers", why="has a meaning with class envoy only", fix=fix)
        yield from self._source_problems()
        if self.tls:
            yield from self._tls_problems(self.tls)

    def _source_problems(self) -> Iterator[Problem]:
        if not self.source_cidrs:
            return
        if self.exposure == "internal":
            fix = "set exposure: internet, or leave them out: the internet does not reach it"
            yield Problem(path="source_cidrs", why="are for a gateway that the internet reaches", fix=fix)
        if self.class_ != ENVOY:
            fix = "use class envoy, or restrict it where the class is set up"
            yield Problem(path="source_cidrs", why=f"class {self.class_} takes no ranges from here", fix=fix)
        for index, cidr in enumerate(self.source_cidrs):
            if cidr != _EVERYBODY and ipaddress.ip_network(cidr).is_private:
                fix = "name public ranges of your clients, or use exposure: internal"
                why = f"{cidr} has private addresses, which the internet never sees"
                yield Problem(path=f"source_cidrs[{index}]", why=why, fix=fix)

    def _tls_problems(self, tls: GatewayTlsSpec) -> Iterator[Problem]:
        if not self.hostname:
            fix = "add hostname: the name in DNS that the certificate is for"
            yield Problem(path="tls", why="is given without a host name to certify", fix=fix)
        if not tls.issuer:
            return
        other = "name a cluster_issuer that answers by DNS, or a secret"
        if self.exposure == "internal":
            why = "Let's Encrypt cannot reach an internal gateway to see whose name it is"
            yield Problem(path="tls.issuer", why=why, fix=f"set exposure: internet, or {other}")
        elif self.source_cidrs and _EVERYBODY not in self.source_cidrs:
            why = "Let's Encrypt asks from addresses that it tells nobody, and source_cidrs lets some in only"
            yield Problem(path="tls.issuer", why=why, fix=f"leave source_cidrs out, or {other}")
        for index, name in enumerate(self.more_hostnames):
            if name.startswith("*."):
                why = f"Let's Encrypt certifies {name} only for who answers by DNS"
                fix = f"list the names one by one, or {other}"
                yield Problem(path=f"more_hostnames[{index}]", why=why, fix=fix)

    @property
    def features(self) -> GatewayFeatures:
        """What its class can do with routes, wherever it is."""
        found = features_of(self.class_, self.class_features)
        return found.without_pickers() if self.class_ == ENVOY and self.pickers is False else found

    def features_on(self, cluster: ClusterTraits) -> GatewayFeatures:
        """What can be done with routes where the cluster has these traits."""
        if self.class_ != ENVOY:
            return self.features
        found = features_of(cluster.gateway_in_place) if cluster.gateway_in_place else self.features
        return found if cluster.client_addresses_seen else found.without_client_addresses()

    @property
    def hostnames(self) -> list[str]:
        """All names that it answers to; empty for any."""
        return [*([self.hostname] if self.hostname else []), *self.more_hostnames]

    @property
    def scheme(self) -> Literal["http", "https"]:
        """How clients reach services, and the name of the listener that routes go to."""
        return "https" if self.tls else "http"

    def answers_to(self, name: str) -> bool:
        """Whether requests for this name, or for all names of this pattern, are the gateway's."""
        return not self.hostnames or any(_covers(own, name) for own in self.hostnames)


def _covers(pattern: str, name: str) -> bool:
    return pattern == name or (pattern.startswith("*.") and name.removeprefix("*.").endswith(pattern[1:]))


def class_problems(gateway: GatewaySpec, own_classes: Mapping[str, str]) -> Iterator[Problem]:
    """Why a cluster cannot have this gateway.

    Args:
        gateway: a valid spec.
        own_classes: GatewayClasses that the cluster's own load balancers have, by exposure.
    """
    if gateway.class_ == GKE and gateway.exposure not in own_classes:
        fix = "leave class out, or on GKE set proxies_cidr in the cluster's network"
        yield Problem(path="class", why="the cluster has no load balancers of GKE for gateways", fix=fix)
