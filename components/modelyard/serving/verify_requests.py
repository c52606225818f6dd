"""The program that verifies a server: it sends requests and compares the answers with what is expected of them.

It runs in a pod whose image has no modelyard in it, as `python3 -c SOURCE PLAN URL...`, and so uses the standard
library of Python 3.9 only. PLAN is what `VerifySpec.plan` makes, and it is asked of each URL. It ends with 0 where
every answer is as expected, and with 1 otherwise; what it writes last is then every failure, as Kubernetes keeps the
end of a container's output.
"""

import http.client
import json
import os
import re
import sys
import time
import urllib.parse
from typing import Any, NamedTuple

CONNECT_SECONDS = 60
"""A Service knows a new pod a moment after that is ready, and a name server forgets that it did not know a name after
half a minute. Only connections are tried again: a request that was sent once has an answer or has failed."""
_POLL_SECONDS = 0.5
_SHOWN_CHARACTERS = 200
_MESSAGE_CHARACTERS = 1800
"""Of the 2048 that Kubernetes keeps: https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/"""
_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


class NoAnswerError(Exception):
    """There is no answer; the message says why."""


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    text: str
    seconds: float


def main(arguments: list[str]) -> int:
    """Send all requests of the plan to each server; return the exit code."""
    plan, urls = json.loads(arguments[0]), arguments[1:]
    requests = plan["requests"]
    failed: list[str] = []
    for url in urls:
        deadline = time.monotonic() + plan["timeout_seconds"]
        where = f"{url} " if len(urls) > 1 else ""
        for index, request in enumerate(requests):
            failure = _failure(url, request, deadline)
            if failure:
                failed.append(f"{where}requests[{index}] {failure}")
    if failed:
        found = "\n".join([f"{len(failed)} of {len(requests) * len(urls)} requests failed", *failed])
        print(_shorten(found, _MESSAGE_CHARACTERS), flush=True)
        return 1
    print("every answer is as expected", flush=True)
    return 0


def _failure(url: str, request: dict[str, Any], deadline: float) -> str:
    """What is wrong with the first answer that is not as expected; empty where all are."""
    what = f"{request['method']} {request['path']}"
    slowest = 0.0
    for count in range(1, request["repeat"] + 1):
        which = f"{what} ({count} of {request['repeat']})" if request["repeat"] > 1 else what
        try:
            answer = _ask(url, request, deadline)
        except NoAnswerError as error:
            return f"{which}: {error}"
        wrong = unexpected(request["expect"], answer)
        if wrong:
            return f"{which}: {'; '.join(wrong)}; the answer is {_quote(answer.text)}"
        slowest = max(slowest, answer.seconds)
    print(f"{what}: as expected, in {slowest:.3f} s at most", flush=True)
    return ""


def _ask(url: str, request: dict[str, Any], deadline: float) -> Answer:
    connection = _connected(urllib.parse.urlsplit(url), deadline)
    began = time.monotonic()
    try:
        sock = connection.sock
        sock.settimeout(_left(deadline))
        headers = {name: _VARIABLE.sub(_of_environment, value) for name, value in request["headers"].items()}
        body = request["body"]
        connection.request(request["method"], request["path"], body.encode() if body else None, headers)
        response = connection.getresponse()
        parts: list[bytes] = []
        while True:
            sock.settimeout(_left(deadline))
            part = response.read1(65536)
            if not part:
                break
            parts.append(part)
        if response.length:
            raise http.client.IncompleteRead(b"".join(parts), response.length)
    except (OSError, http.client.HTTPException) as error:
        # By the clock, as Python 3.9 has another exception for it.
        if time.monotonic() >= deadline:
            why = f"no whole answer in {time.monotonic() - began:.1f} s, when the time of all requests was over"
        else:
            why = f"the connection broke before the answer was whole: {_said(error)}"
        raise NoAnswerError(why) from None
    finally:
        connection.close()
    return Answer(response.status, b"".join(parts).decode("utf-8", "replace"), time.monotonic() - began)


def _connected(url: urllib.parse.SplitResult, deadline: float) -> http.client.HTTPConnection:
    began = time.monotonic()
    if began >= deadline:
        raise NoAnswerError("not sent, as the time of all requests was over")
    until = min(deadline, began + CONNECT_SECONDS)
    while True:
        try:
            connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=_left(until))
            connection.connect()
        except OSError as error:
            if time.monotonic() + _POLL_SECONDS > until:
                why = f"no connection to {url.netloc} in {time.monotonic() - began:.1f} s: {_said(error)}"
                raise NoAnswerError(why) from None
        else:
            return connection
        time.sleep(_POLL_SECONDS)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is over")
    return left


def _of_environment(match: re.Match[str]) -> str:
    # A secret in a file often ends with a line break, which no header may have.
    return os.environ[match.group(1)].strip()


def unexpected(expect: dict[str, Any], answer: Answer) -> list[str]:
    """What of an answer is not as expected."""
    wrong: list[str] = []
    if answer.status != expect["status"]:
        wrong.append(f"status {answer.status}, expected {expect['status']}")
    longest = expect["latency_seconds"]
    if longest is not None and answer.seconds > longest:
        wrong.append(f"took {answer.seconds:.3f} s, expected at most {longest:g} s")
    if expect["contains"] is not None and expect["contains"] not in answer.text:
        wrong.append(f"expected {_quote(expect['contains'])} in it")
    if expect["json"]:
        try:
            document = json.loads(answer.text)
        except ValueError:
            wrong.append("expected JSON")
        else:
            wrong.extend(_unexpected_values(expect["json"], document))
    return wrong


def _unexpected_values(expected: dict[str, dict[str, Any]], document: Any) -> list[str]:
    wrong: list[str] = []
    for pointer, values in expected.items():
        where = pointer or "the whole"
        try:
            found = resolve(document, pointer)
        except LookupError:
            wrong.append(f"{where} is not there")
            continue
        for word, value in values.items():
            if not _COMPARE[word](found, value):
                wrong.append(f"{where} is {_json(found)}, expected {_WORDS[word]}{_json(value)}")
    return wrong


def resolve(document: Any, pointer: str) -> Any:
    """The value that a JSON Pointer (RFC 6901) leads to.

    Raises:
        LookupError: there is none.
    """
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if _is(list, document):
            if not re.fullmatch("0|[1-9][0-9]*", key, re.ASCII):
                raise LookupError(key)
            document = document[int(key)]
        elif _is(dict, document):
            document = document[key]
        else:
            raise LookupError(key)
    return document


def _equals(found: Any, value: Any) -> bool:
    """Equal as JSON: 1 is 1.0, and true is not 1, as it is in Python."""
    if _is(bool, found, value):
        return found is value
    if _is(list, found, value):
        return len(found) == len(value) and all(_equals(each, value[index]) for index, each in enumerate(found))
    if _is(dict, found, value):
        return found.keys() == value.keys() and all(_equals(found[key], value[key]) for key in found)
    return found == value and not _is(bool, found) and not _is(bool, value)


def _contains(found: Any, value: Any) -> bool:
    if _is(str, found, value):
        return value in found
    return _is(list, found) and any(_equals(each, value) for each in found)


def _at_least(found: Any, value: Any) -> bool:
    return _is_number(found) and found >= value


def _at_most(found: Any, value: Any) -> bool:
    return _is_number(found) and found <= value


def _is_number(found: Any) -> bool:
    return (_is(int, found) or _is(float, found)) and not _is(bool, found)


def _is(kind: type, *values: Any) -> bool:
    return all(isinstance(each, kind) for each in values)


_COMPARE = {"equals": _equals, "contains": _contains, "at_least": _at_least, "at_most": _at_most}
_WORDS = {"equals": "", "contains": "to contain ", "at_least": "at least ", "at_most": "at most "}


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _json(value: Any) -> str:
    return _shorten(json.dumps(value, ensure_ascii=False), _SHOWN_CHARACTERS)


def _quote(text: str) -> str:
    return repr(_shorten(text, _SHOWN_CHARACTERS))


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
