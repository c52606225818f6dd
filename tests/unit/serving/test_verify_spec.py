import json
from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.serving.verify_spec import VerifySpec, room_problems, server_problems
from modelyard.spec import json_schema, load_json
from modelyard.workspace.place import Place
from tests.support.clusters import POOLS

PREDICT = {"path": "/predict", "json": {"image": [0, 1]}, "expect": {"json": {"/digit": {"equals": 7}}}}


def verify(*requests: dict[str, Any], **fields: Any) -> VerifySpec:
    return load_json(VerifySpec, json.dumps({"requests": [*requests] or [PREDICT], **fields}))


def asked(**fields: Any) -> VerifySpec:
    return verify({"path": "/predict", **fields})


def expected(**fields: Any) -> VerifySpec:
    return asked(expect=fields)


UNSENDABLE: list[tuple[dict[str, Any], str]] = [
    ({"requests": []}, "requests"),
    ({"requests": [{"path": "predict"}]}, "requests[0].path: 'predict' is no path"),
    ({"requests": [{"path": "/a", "method": "get"}]}, "requests[0].method"),
    ({"requests": [{"path": "/a", "repeat": 0}]}, "requests[0].repeat"),
    (
        {"requests": [{"path": "/a", "body": "x", "json": 1}]},
        "requests[0].body: is given beside json, which is the body too; remove one of them",
    ),
    (
        {"requests": [{"path": "/a", "method": "GET", "json": {}}]},
        "requests[0].method: GET has no body; use POST, or remove the body",
    ),
    (
        {"requests": [{"path": "/a", "method": "HEAD", "expect": {"contains": "x"}}]},
        "requests[0].expect: answers to HEAD are empty; use GET, or expect a status only",
    ),
    (
        {"requests": [{"path": "/a", "headers": {"accept": "a", "Accept": "b"}}]},
        "requests[0].headers.Accept: is there twice, in other letters; remove one of them",
    ),
    (
        {"requests": [{"path": "/a", "headers": {"Content-Length": "1"}}]},
        "requests[0].headers.Content-Length: follows from the body; leave it out",
    ),
    (
        {"requests": [{"path": "/a", "headers": {"x": "a\nb"}}]},
        "requests[0].headers.x: 'a\\nb' is no value of a header; use printable ASCII characters in one line",
    ),
    ({"requests": [{"path": "/a", "headers": {"x y": "a"}}]}, "requests[0].headers.x y"),
    (
        {"requests": [{"path": "/a", "headers": {"x": "Bearer $(KEY)"}}]},
        "requests[0].headers.x: KEY is no variable of env_from_secrets; add it there with the secret",
    ),
    (
        {"env_from_secrets": {"KEY": "key"}},
        "env_from_secrets.KEY: is in no header; write $(KEY) in a header, or remove it",
    ),
    (
        {"requests": [{"path": "/a", "expect": {"latency_seconds": 301}}]},
        "requests[0].expect.latency_seconds: 301 is above timeout_seconds 300; raise timeout_seconds",
    ),
    (
        {"requests": [{"path": "/a", "body": "x" * 100_000}]},
        "bytes, and 100000 is the most; send smaller bodies",
    ),
    ({"image": "python:latest"}, "image: 'python:latest' has the tag latest"),
]


@pytest.mark.parametrize(("fields", "message"), UNSENDABLE)
def test_requests_that_cannot_be_sent_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_json(VerifySpec, json.dumps({"requests": [PREDICT], **fields}))
    assert message in str(error.value)
    assert len(error.value.problems) == 1


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"status": 100}, "expect.status"),
        ({"contains": ""}, "expect.contains: is in every answer; write what it has in it, or leave it out"),
        ({"json": {"digit": {"equals": 7}}}, "'digit' is no JSON Pointer; write one like /choices/0/message/content"),
        ({"json": {"/a~2": {"equals": 7}}}, "'/a~2' is no JSON Pointer"),
        ({"json": {"/a": {}}}, "expect.json./a: nothing is expected; give equals, contains, at_least or at_most"),
        (
            {"json": {"/a": {"equals": 7, "at_least": 1}}},
            "expect.json./a.equals: leaves nothing open for the others; remove it, or the others",
        ),
        (
            {"json": {"/a": {"at_least": 2, "at_most": 1}}},
            "expect.json./a.at_least: 2 is above at_most 1; lower it, or raise at_most",
        ),
    ],
)
def test_expectations_that_no_answer_can_meet_are_refused(expect: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        expected(**expect)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "request_",
    [
        {"path": "/a?b=c"},
        {"path": "/a", "method": "POST"},
        {"path": "/a", "method": "DELETE", "json": {"id": 1}},
        {"path": "/a", "method": "HEAD", "expect": {"status": 204}},
        {"path": "/a", "headers": {"accept": "a", "accept-language": "b", "x-price": "$5 (five)"}},
        {"path": "/a", "body": "x" * 90_000},
        {"path": "/a", "expect": {"latency_seconds": 300}},
        {"path": "/a", "expect": {"json": {"": {"contains": "x"}, "/a~1b/0": {"at_least": 1, "at_most": 1}}}},
        {"path": "/a", "json": 0, "expect": {"status": 422, "json": {"/ok": {"equals": False}}}},
    ],
)
def test_requests_that_can_be_sent_pass(request_: dict[str, Any]) -> None:
    assert verify(request_).requests[0].path.startswith("/a")


def test_what_python_has_and_json_has_not_is_refused() -> None:
    from modelyard.serving.verify_spec import ExpectJsonSpec, ExpectSpec, VerifyRequestSpec
    from modelyard.spec import validate

    expect = ExpectSpec(json={"/a": ExpectJsonSpec(equals=float("inf"))})
    with pytest.raises(ConfigError) as error:
        validate(VerifySpec(requests=[VerifyRequestSpec(path="/a", json={1, 2}, expect=expect)]))
    assert [str(each) for each in error.value.problems] == [
        "requests[0].json: {1, 2} is no JSON; use numbers, text, lists and mappings",
        "requests[0].expect.json./a.equals: inf is no JSON; use numbers, text, lists and mappings",
    ]


def plan_of(**fields: Any) -> dict[str, Any]:
    return json.loads(asked(**fields).plan())["requests"][0]


class TestPlan:
    def test_the_method_follows_from_the_body(self) -> None:
        assert plan_of()["method"] == "GET"
        assert plan_of(body="x")["method"] == "POST"
        assert plan_of(json=0)["method"] == "POST"
        assert plan_of(json=0, method="PUT")["method"] == "PUT"

    def test_json_has_its_type_unless_another_is_said(self) -> None:
        assert plan_of(json={"a": "ü"})["headers"] == {"content-type": "application/json"}
        assert plan_of(json={"a": "ü"})["body"] == '{"a": "ü"}'
        own = {"Content-Type": "application/vnd.api+json"}
        assert plan_of(json={}, headers=own)["headers"] == own
        assert plan_of(body="x")["headers"] == {}

    def test_only_what_is_expected_is_compared(self) -> None:
        values = {"/a": {"at_least": 0.5}, "/b": {"equals": False}}
        expect = plan_of(expect={"json": values})["expect"]
        assert expect == {"status": 200, "latency_seconds": None, "contains": None, "json": values}

    def test_kubernetes_finds_no_variable_in_it(self) -> None:
        spec = verify(
            {"path": "/a", "body": "$(HOME) $$", "headers": {"x": "Bearer $(KEY)"}}, env_from_secrets={"KEY": "key"}
        )
        assert "$" not in spec.plan()
        (request,) = json.loads(spec.plan())["requests"]
        assert (request["body"], request["headers"]) == ("$(HOME) $$", {"x": "Bearer $(KEY)"})


def problems_in(spec: VerifySpec, **place: Any) -> list[str]:
    return [str(each) for each in spec.problems_on(Place(pools=POOLS, **place))]


def test_secrets_and_pools_are_the_workspaces() -> None:
    keyed = verify({"path": "/a", "headers": {"x": "$(KEY)"}}, env_from_secrets={"KEY": "key"})
    (problem,) = problems_in(keyed)
    assert problem == "env_from_secrets.KEY: 'key' is no secret of this workspace; add it under secrets"
    assert problems_in(keyed, secrets=["key"]) == []
    (problem,) = problems_in(verify(pool="cpu"))
    assert problem == "pool: 'cpu' is not a pool of this stack; use one of h100, l4, mi300x, system"
    assert problems_in(verify(pool="system")) == []


def test_a_server_of_grpc_is_refused() -> None:
    (problem,) = server_problems(verify(), is_grpc=True)
    why = "sends requests of HTTP/1.1, and the server speaks gRPC"
    assert str(problem) == f"{why}; leave it out, or verify by a job of your own"
    assert [*server_problems(verify(), is_grpc=False), *server_problems(None, is_grpc=True)] == []


def test_a_version_needs_room_beside_the_one_that_it_follows() -> None:
    (problem,) = room_problems(verify(), replicas=4, room=4, pool=POOLS["l4"])
    why = "the new version is verified in a pod beside 4 replicas, and pool l4 has room for 4 at its max_nodes of 4"
    assert str(problem) == f"{why}; raise the pool's max_nodes, or lower the replicas"
    assert list(room_problems(verify(), replicas=3, room=4, pool=POOLS["l4"])) == []
    assert list(room_problems(None, replicas=4, room=4, pool=POOLS["l4"])) == []


def test_the_schema_describes_it() -> None:
    schema = json_schema(VerifySpec)
    assert schema["required"] == ["requests"]
    values = schema["$defs"]["ExpectJsonSpec"]["properties"]["equals"]
    assert values["description"].startswith("The whole value")
    assert "type" not in values
