"""What a user writes of how a new version is asked before requests come to it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Annotated, Any, Literal

import annotated_types

from modelyard.cluster.pools import Pool, unknown_pool
from modelyard.errors import Problem, show
from modelyard.kube.images import Image
from modelyard.serving.words import HeaderName
from modelyard.spec import Amount, Name, Rule, Seconds, spec
from modelyard.versions import PYTHON_IMAGE
from modelyard.workspace.place import Place, unknown_secret
from modelyard.workspace.words import EnvName, HttpPath

VERIFY_SECONDS = 300
_PLAN_BYTES = 100_000
"""Linux ends one argument of a program at 128 KiB: https://man7.org/linux/man-pages/man2/execve.2.html"""
_POINTER = r"(/([^/~]|~[01])*)*"
_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")

Status = Annotated[int, annotated_types.Interval(ge=200, le=599)]
"""The status of a whole answer."""


def _check_pointer(text: str) -> tuple[str, str] | None:
    if re.fullmatch(_POINTER, text):
        return None
    return f"{show(text)} is no JSON Pointer", "write one like /choices/0/message/content"


def _check_header_value(text: str) -> tuple[str, str] | None:
    if text.isprintable() and text.isascii():
        return None
    return f"{show(text)} is no value of a header", "use printable ASCII characters in one line"


JsonPointer = Annotated[str, Rule(_check_pointer, {"pattern": f"^{_POINTER}$"})]
"""A place in a JSON document: https://www.rfc-editor.org/rfc/rfc6901"""
HeaderValue = Annotated[str, Rule(_check_header_value)]
"""What a header of a request says."""


@spec
class ExpectJsonSpec:
    """What a value in a JSON answer must be. With several of these, all must hold."""

    equals: Any = None
    """The whole value: a number, text, a list, a mapping. 1 and 1.0 are equal, 1 and true are not."""
    contains: Any = None
    """A part of it: of text a piece, of a list one of its values."""
    at_least: float | None = None
    """The least number."""
    at_most: float | None = None
    """The greatest number."""

    def problems(self) -> Iterable[Problem]:
        """Something to compare, as JSON has it."""
        if not self.wanted:
            yield Problem(why="nothing is expected", fix="give equals, contains, at_least or at_most")
        if self.equals is not None and len(self.wanted) > 1:
            yield Problem(path="equals", why="leaves nothing open for the others", fix="remove it, or the others")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            why = f"{self.at_least:g} is above at_most {self.at_most:g}"
            yield Problem(path="at_least", why=why, fix="lower it, or raise at_most")
        yield from _json_problems("equals", self.equals)
        yield from _json_problems("contains", self.contains)

    @property
    def wanted(self) -> dict[str, Any]:
        """The comparisons that are given."""
        given = {
            "equals": self.equals,
            "contains": self.contains,
            "at_least": self.at_least,
            "at_most": self.at_most,
        }
        return {word: value for word, value in given.items() if value is not None}


@spec
class ExpectSpec:
    """What an answer must be like."""

    status: Status = 200
    """Its status. Redirects are not followed."""
    latency_seconds: Amount | None = None
    """The longest that it may take, from the request to the answer's last byte. Left out: what is left of
    `timeout_seconds`."""
    contains: str | None = None
    """Text that it has in it."""
    json: Mapping[JsonPointer, ExpectJsonSpec] = field(default_factory=dict[str, ExpectJsonSpec])
    """Values in a JSON answer, each by its JSON Pointer: `{/choices/0/message/content: {contains: Paris}}`."""

    def problems(self) -> Iterable[Problem]:
        """Text that can be missing."""
        if self.contains == "":
            yield Problem(path="contains", why="is in every answer", fix="write what it has in it, or leave it out")


@spec
class VerifyRequestSpec:
    """One request, and what is expected of its answer."""

    path: HttpPath
    """The path on the server, as if there were no gateway: `/v1/chat/completions`."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] | None = None
    """Left out: POST with a body, otherwise GET."""
    headers: Mapping[HeaderName, HeaderValue] = field(default_factory=dict[str, str])
    """Its headers. `$(NAME)` stands for a variable of `env_from_secrets`: `{authorization: Bearer $(KEY)}`."""
    body: str | None = None
    """Its body, as it is."""
    json: Any = None
    """Its body as JSON, with `content-type: application/json`."""
    expect: ExpectSpec = field(default_factory=ExpectSpec)
    """What the answer must be like. Left out: status 200."""
    repeat: Annotated[int, annotated_types.Interval(ge=1, le=10_000)] = 1
    """How many times it is sent, one after the other. Every answer must be as expected."""

    def problems(self) -> Iterable[Problem]:
        """One body, where there can be one."""
        if self.body is not None and self.json is not None:
            yield Problem(path="body", why="is given beside json, which is the body too", fix="remove one of them")
        yield from _json_problems("json", self.json)
        if self.method in ("GET", "HEAD") and (self.body is not None or self.json is not None):
            yield Problem(path="method", why=f"{self.method} has no body", fix="use POST, or remove the body")
        if self.method == "HEAD" and (self.expect.contains is not None or self.expect.json):
            yield Problem(path="expect", why="answers to HEAD are empty", fix="use GET, or expect a status only")
        names = [name.lower() for name in self.headers]
        for index, name in enumerate(self.headers):
            if name.lower() in names[:index]:
                yield Problem(path=f"headers.{name}", why="is there twice, in other letters", fix="remove one of them")
            if name.lower() in ("content-length", "transfer-encoding"):
                yield Problem(path=f"headers.{name}", why="follows from the body", fix="leave it out")

    @property
    def variables(self) -> list[tuple[str, str]]:
        """The variables that headers name, each with the header."""
        return [(found, name) for name, value in self.headers.items() for found in _VARIABLE.findall(value)]

    def plan(self) -> dict[str, Any]:
        """What the program is told of it."""
        has_body = self.body is not None or self.json is not None
        headers = dict(self.headers)
        if self.json is not None and "content-type" not in {name.lower() for name in headers}:
            headers["content-type"] = "application/json"
        return {
            "method": self.method or ("POST" if has_body else "GET"),
            "path": self.path,
            "headers": headers,
            "body": self.body if self.json is None else json.dumps(self.json, ensure_ascii=False),
            "repeat": self.repeat,
            "expect": {
                "status": self.expect.status,
                "latency_seconds": self.expect.latency_seconds,
                "contains": self.expect.contains,
                "json": {pointer: wanted.wanted for pointer, wanted in self.expect.json.items()},
            },
        }


@spec
class VerifySpec:
    """Requests that a new version must answer as expected before any of its users' requests come to it."""

    requests: Annotated[Sequence[VerifyRequestSpec], annotated_types.MinLen(1)]
    """The requests, sent one after the other. All are sent, also after one has failed."""
    timeout_seconds: Seconds = VERIFY_SECONDS
    """How long all of them together may take one version, once its server has started. 300, as a long answer of a
    language model takes about a minute."""
    env_from_secrets: Mapping[EnvName, Name] = field(default_factory=dict[str, str])
    """Variables for headers, from secrets of the workspace: the variable's name and the secret's."""
    image: Image = PYTHON_IMAGE
    """Any image that has `python3` of version 3.9 or newer; nothing is installed. On a machine without a registry, the
    service's own image will do, if it has one."""
    pool: Name | None = None
    """The pool that the requests are sent from, without a GPU. Left out: the version's own, and of several that of the
    first. In a rolling update they are sent from where the new version runs, whatever this says."""

    def problems(self) -> Iterable[Problem]:
        """Variables that exist and are used, and a size that fits."""
        used = {variable for request in self.requests for variable, _ in request.variables}
        for index, request in enumerate(self.requests):
            for variable, header in request.variables:
                if variable not in self.env_from_secrets:
                    path = f"requests[{index}].headers.{header}"
                    why = f"{variable} is no variable of env_from_secrets"
                    yield Problem(path=path, why=why, fix="add it there with the secret that it has the value of")
            longest = request.expect.latency_seconds
            if longest and longest > self.timeout_seconds:
                why = f"{longest:g} is above timeout_seconds {self.timeout_seconds}"
                yield Problem(path=f"requests[{index}].expect.latency_seconds", why=why, fix="raise timeout_seconds")
        for variable in self.env_from_secrets:
            if variable not in used:
                fix = f"write $({variable}) in a header, or remove it"
                yield Problem(path=f"env_from_secrets.{variable}", why="is in no header", fix=fix)
        size = self._plan_bytes()
        if size > _PLAN_BYTES:
            why = f"all requests together have {size} bytes, and {_PLAN_BYTES} is the most"
            yield Problem(path="requests", why=why, fix="send smaller bodies")

    def _plan_bytes(self) -> int:
        try:
            return len(self.plan().encode())
        except (TypeError, ValueError):
            return 0  # what is no JSON has a problem of its own

    def plan(self) -> str:
        """What the program is told, as JSON without a dollar sign: Kubernetes replaces `$(NAME)` in arguments."""
        plan = {"timeout_seconds": self.timeout_seconds, "requests": [request.plan() for request in self.requests]}
        return json.dumps(plan, ensure_ascii=False).replace("$", "\\u0024")

    def problems_on(self, place: Place) -> Iterator[Problem]:
        """Why a valid spec cannot work there."""
        for variable, secret in self.env_from_secrets.items():
            yield from unknown_secret(place.secrets, secret, f"env_from_secrets.{variable}")
        if self.pool and self.pool not in place.pools:
            yield unknown_pool(place.pools, self.pool)


def server_problems(verify: VerifySpec | None, *, is_grpc: bool) -> Iterator[Problem]:
    """Why that server cannot be verified."""
    if verify and is_grpc:
        why = "sends requests of HTTP/1.1, and the server speaks gRPC"
        yield Problem(why=why, fix="leave it out, or verify by a job of your own")


def room_problems(verify: VerifySpec | None, *, replicas: int, room: int, pool: Pool) -> Iterator[Problem]:
    """Why a version cannot be verified in a pod of its own, before any replica is replaced by it.

    Args:
        verify: the verification.
        replicas: how many replicas run meanwhile, at least.
        room: how many the pool has room for.
        pool: the pool.
    """
    if verify and replicas + 1 > room:
        held = f"pool {pool.name} has room for {room} at its max_nodes of {pool.max_nodes}"
        why = f"the new version is verified in a pod beside {replicas} replicas, and {held}"
        yield Problem(why=why, fix="raise the pool's max_nodes, or lower the replicas")


def _json_problems(path: str, value: object) -> Iterator[Problem]:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        yield Problem(path=path, why=f"{show(value)} is no JSON", fix="use numbers, text, lists and mappings")
