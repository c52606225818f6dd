"""What a user writes of who may use a route. The gateway asks; servers need not.

Only Envoy Gateway does these. https://gateway.envoyproxy.io/docs/api/extension_types/#securitypolicyspec
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import annotated_types

from modelyard.errors import Problem, show
from modelyard.serving.words import HeaderName
from modelyard.spec import Filled, Name, Rule, spec

CLIENT_HEADER = "x-client-id"
"""In which header the server reads whose key it was. The gateway sets it, whatever the client sent."""
_MOST_CHARACTERS = 253
_URL = r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?"


def _check_url(text: str) -> tuple[str, str] | None:
    if not re.fullmatch(_URL, text) or {"?", "#"} & set(text):
        return f"{show(text)} is no address of an issuer", "write one like https://login.example.org/realms/ml"
    if len(text) > _MOST_CHARACTERS:
        return f"{show(text)} has {len(text)} characters", f"use at most {_MOST_CHARACTERS}"
    return None


IssuerUrl = Annotated[str, Rule(_check_url, {"pattern": f"^{_URL}$", "maxLength": _MOST_CHARACTERS})]
"""An address by HTTPS, without a query."""
Audiences = Annotated[Sequence[Filled], annotated_types.Len(1, 8)]
"""From one to eight."""


@spec
class ApiKeysSpec:
    """Clients with a key each: `Authorization: Bearer KEY`, as clients of OpenAI's API send it.

    The server does not see the key. It sees the client's name, in the header `x-client-id`.
    """

    clients: Annotated[Mapping[Name, Name], annotated_types.MinLen(1)]
    """The workspace's secret that holds the key of each client: `{search: search-key, ads: ads-key}`. With the same key
    twice the gateway answers nobody. A new value is in force a few seconds after the update, and the old one no
    more."""
    header: HeaderName = "authorization"
    """The header that the key is in, by itself or after `Bearer `."""

    def problems(self) -> Iterable[Problem]:
        """A key for each client."""
        first: dict[str, str] = {}
        for client, secret in self.clients.items():
            twin = first.setdefault(secret, client)
            if twin != client:
                why = f"has the key of {twin}, and the gateway would then let nobody in"
                yield Problem(path=f"clients.{client}", why=why, fix="give each client a secret of its own")


@spec
class JwtSpec:
    """Clients with a token of an issuer, in `Authorization: Bearer TOKEN`."""

    issuer: IssuerUrl
    """Who signs tokens; `iss` in them."""
    audiences: Audiences
    """For whom tokens must be meant, any of these; `aud` in them. An issuer's tokens for others are not for this
    service."""
    jwks_uri: IssuerUrl
    """Where the issuer shows his keys. The gateway reads them every five minutes."""


@spec
class OidcSpec:
    """People with a browser, who are sent to an issuer to sign in. The gateway keeps who they are in cookies.

    Allow the issuer's client to come back to `https://HOSTNAME/PATH/oauth2/callback`. Who asks for PATH/logout is
    signed out.
    """

    issuer: IssuerUrl
    """Where people sign in. The gateway's controller reads its `/.well-known/openid-configuration`."""
    client_id: Filled
    """What the issuer knows this service as."""
    client_secret: Name
    """The workspace's secret that holds that client's secret."""
    scopes: Sequence[Filled] = ()
    """What the issuer is asked for beside `openid`."""
