"""The harness itself must be able to fail a test."""

import pulumi
import pulumi_kubernetes as k8s
import pytest

from modelyard.errors import ConfigError, Problem
from tests.support.mocks import AUTO_NAME_SUFFIX, refused, run


def test_two_resources_with_one_urn_fail() -> None:
    def program() -> None:
        for _ in range(2):
            k8s.core.v1.ConfigMap("same", data={})

    with pytest.raises(Exception, match="two resources have the URN"):
        run(program)


def test_a_failing_assertion_about_an_output_fails() -> None:
    def program() -> None:
        def check(name: str) -> None:
            assert name == "other"

        k8s.core.v1.ConfigMap("map", data={}).metadata.name.apply(check)

    with pytest.raises(AssertionError):
        run(program)


def test_a_lookup_fails() -> None:
    def program() -> None:
        pulumi.runtime.invoke("kubernetes:core/v1:get", {})

    with pytest.raises(Exception, match="components look nothing up"):
        run(program)


def test_refused_sees_what_was_registered_all_the_same() -> None:
    class Hasty(pulumi.ComponentResource):
        def __init__(self) -> None:
            super().__init__("modelyard:test:Hasty", "hasty")
            raise ConfigError(Problem(why="too late", fix="check first"))

    with pytest.raises(AssertionError, match="but registered"):
        refused(Hasty, "modelyard:test:Hasty")


def test_generated_names_and_secrets_are_as_the_engine_shows_them() -> None:
    names: list[str] = []

    def program() -> None:
        made = k8s.core.v1.Secret("token", string_data={"value": pulumi.Config("modelyard").require_secret("key")})
        made.metadata.name.apply(names.append)

    recorded = run(program, secrets={"modelyard:key": "hidden"})
    assert names == [f"token{AUTO_NAME_SUFFIX}"]
    assert recorded.one("Secret").secrets == {"stringData"}


def test_one_run_leaves_nothing_to_the_next() -> None:
    first = run(lambda: k8s.core.v1.ConfigMap("map", data={}), config={"modelyard:key": "set"})
    seen: list[str | None] = []
    second = run(lambda: seen.append(pulumi.Config("modelyard").get("key")))
    assert (len(first.registrations), len(second.registrations)) == (1, 0)
    assert seen == [None]
