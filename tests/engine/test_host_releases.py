"""Versions of the sample model behind the gateway of a real node, under requests that nothing may lose.

All tests share one stack, made by the real engine, and change it one after the other.
"""

import re
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from urllib.parse import urlsplit

import pytest

from tests.engine.host_stack import CLUSTER, IMAGE, digits, host_stack, training
from tests.engine.host_traffic import Traffic, all_ready, names, pods, predict, traffic
from tests.engine.local_stack import Json, LocalStack
from tests.support.host_clusters import machine_state
from tests.support.processes import wait_until
from tests.support.toolchain import require_tool

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

REQUESTS = 500
"""At least, under each change, and where all of them are to be answered by one version."""
COUNTED_REQUESTS = 3000
"""For each share that is counted."""
SURE_PER_MILLE = 999
"""How sure a share is: of a thousand right ones one is taken for wrong."""
SPEC: Json = {
    "cluster": CLUSTER,
    "pools": {"system": {"cpus": 4, "memory_gib": 8, "max_nodes": 1}},
    "platform": {"gateway": {}},
    "workspaces": {
        "vision": {
            "volumes": {"models": {"size_gib": 1}},
            "jobs": {"first": training("first"), "second": training("second", args=["--kernel", "linear"])},
            "services": {"digits": digits(replicas=2, route={"path": "/digits"})},
        }
    },
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    require_tool("traefik")
    base = tmp_path_factory.mktemp("host")
    with host_stack(base, SPEC) as made:
        before = machine_state(base)
        made.project.up()
        yield made
        made.project.destroy()
        assert machine_state(base) == before, "nothing of the gateway is left either"


def gateway(stack: LocalStack) -> str:
    """The host of the service's URL."""
    routes: dict[str, str] = stack.project.outputs()["routes"]
    [(name, url)] = routes.items()
    assert (name, urlsplit(url).path) == ("vision/digits", "/digits")
    return urlsplit(url).netloc


def service(stack: LocalStack) -> Json:
    return stack.spec["workspaces"]["vision"]["services"]["digits"]


def update(stack: LocalStack, *, release: Json | None = None, **fields: object) -> None:
    """Change fields of the service and its release, in an update."""
    service(stack).pop("release", None)
    service(stack).update(fields, **({"release": release} if release else {}))
    stack.configure()
    stack.project.up()


@contextmanager
def without_loss(stack: LocalStack, headers: Mapping[str, str] | None = None) -> Generator[Traffic]:
    """Requests while the block runs and until there were enough of them; none may be lost."""
    with traffic(gateway(stack), path="/digits/model", headers=headers) as seen:
        yield seen
        wait_until(lambda: seen.answered >= REQUESTS, f"{REQUESTS} requests", 300)
    assert seen.failures == []


def answers(stack: LocalStack, headers: Mapping[str, str] | None = None, *, requests: int = REQUESTS) -> Counter[str]:
    """How many requests each version answers while nothing changes."""
    with traffic(gateway(stack), path="/digits/model", headers=headers, pause_seconds=0) as seen:
        wait_until(lambda: seen.answered >= requests, f"{requests} requests", 300)
    assert seen.failures == []
    return seen.versions


def model_versions(stack: LocalStack) -> tuple[str, str]:
    """Of the first and of the second training, by what their jobs said last."""
    said: list[str] = []
    for name in ("first", "second"):
        (pod,) = pods(stack, f"vision-{name}")
        (status,) = pod["status"]["containerStatuses"]
        said.append(status["state"]["terminated"]["message"])
    first, second = (re.findall(r"[0-9a-f]{12,}", each) for each in said)
    return first[0], second[0]


def likely(requests: int, percent: int) -> range:
    """How many of the requests can be that share's if each is decided by itself: the binomial distribution, exactly."""
    tail = Fraction(1000 - SURE_PER_MILLE, 2000) * 100**requests
    return range(_first_above(tail, requests, percent), requests - _first_above(tail, requests, 100 - percent) + 1)


def _first_above(tail: Fraction, requests: int, percent: int) -> int:
    """The smallest count that is not in the lower tail."""
    ways, below = (100 - percent) ** requests, 0
    for count in range(requests + 1):
        below += ways
        if below > tail:
            return count
        ways = ways * (requests - count) * percent // ((count + 1) * (100 - percent))
    raise AssertionError("the tail is less than everything")


def test_the_bounds_of_shares() -> None:
    assert likely(2, 50) == range(3)
    # https://en.wikipedia.org/wiki/Binomial_distribution: mean 300, deviation 16.4; 3.29 of these leave one in 1,000.
    found = likely(3000, 10)
    assert (found[0], found[-1]) == (247, 355)


def test_the_gateways_address_answers_from_this_machine(stack: LocalStack) -> None:
    host = gateway(stack)
    assert host == stack.project.outputs()["gateway_address"]
    assert predict(host, "/digits/predict")["accuracy"] > 0.9
    (pod,) = pods(stack, "traefik")
    assert pod["metadata"]["namespace"] == "gateway"


def test_nothing_changes_without_a_change(stack: LocalStack) -> None:
    assert stack.project.up("--expect-no-changes").unchanged


def test_a_rolling_update_loses_no_request(stack: LocalStack) -> None:
    before = names(pods(stack, "vision-digits"))
    with without_loss(stack) as seen:
        update(stack, model={"artifact": "second"})
        wait_until(lambda: not names(pods(stack, "vision-digits")) & before, "the end of the old replicas")
        answered = seen.answered
        wait_until(lambda: seen.answered > answered + 100, "requests to the new ones")
    assert set(seen.versions) == set(model_versions(stack)), "the update was under load"


def test_a_gateway_that_is_killed_comes_back(stack: LocalStack) -> None:
    host = gateway(stack)
    stack.kubectl("delete", "pod", "--namespace=gateway", "--selector=app.kubernetes.io/name=traefik", "--wait=false")
    wait_until(all_ready(stack, "traefik", 1), "another pod")

    def answers_again() -> bool:
        # Kubernetes leads to a pod a moment after it is ready, and Traefik is ready before it has read the routes.
        try:
            return predict(host, "/digits/predict")["accuracy"] > 0.9
        except (OSError, AssertionError):
            return False

    wait_until(answers_again, "an answer through it", 60)


def test_a_canary_gets_its_share_step_by_step_and_is_promoted(stack: LocalStack) -> None:
    first, second = model_versions(stack)
    for percent in (10, 50):
        with without_loss(stack):
            update(stack, release=canary(percent, model="first"))
        found = answers(stack, requests=COUNTED_REQUESTS)
        assert set(found) == {first, second}
        assert found[first] in likely(found.total(), percent), found
    with without_loss(stack):
        update(stack, release={"canary": {"model": {"artifact": "first"}, "promote": True}})
    assert set(answers(stack)) == {first}
    serving = names(pods(stack, "vision-digits"))
    update(stack, model={"artifact": "first"})
    assert names(pods(stack, "vision-digits")) == serving, "what is written now is what is there"


def canary(percent: int, model: str = "second") -> Json:
    return {"canary": {"model": {"artifact": model}, "weight_percent": percent}}


def test_a_canary_is_aborted(stack: LocalStack) -> None:
    first, second = model_versions(stack)
    update(stack, release=canary(50))
    with without_loss(stack) as seen:
        wait_until(lambda: seen.versions[second] > 0, "answers of the canary")
        update(stack)
    assert set(answers(stack)) == {first}


def test_versions_are_compared_by_share_and_by_header(stack: LocalStack) -> None:
    first, second = model_versions(stack)
    linear = {"model": {"artifact": "second"}, "weight_percent": 30, "header": {"x-kernel": "linear"}}
    with without_loss(stack):
        update(stack, release={"ab_test": {"variants": {"linear": linear}}})
    found = answers(stack, requests=COUNTED_REQUESTS)
    assert set(found) == {first, second}
    assert found[second] in likely(found.total(), 30), found
    assert set(answers(stack, {"x-kernel": "linear"}, requests=COUNTED_REQUESTS)) == {second}
    with without_loss(stack):
        update(stack)


def test_blue_becomes_green_and_blue_again(stack: LocalStack) -> None:
    first, second = model_versions(stack)
    green = {"green": {"model": {"artifact": "second"}}, "preview": {"cookie": {"preview": "yes"}}}
    with without_loss(stack):
        update(stack, release={"blue_green": green})
    assert set(answers(stack)) == {first}
    assert set(answers(stack, {"cookie": "theme=dark; preview=yes"})) == {second}
    for live, version, other in (("green", second, first), ("blue", first, second)):
        with without_loss(stack):
            update(stack, release={"blue_green": {**green, "live": live}})
        assert set(answers(stack)) == {version}
        assert set(answers(stack, {"cookie": "theme=dark; preview=yes"})) == {other}
    with without_loss(stack):
        update(stack)


def test_a_version_that_fails_its_verification_gets_no_request(stack: LocalStack) -> None:
    first, second = model_versions(stack)
    for release in (canary(50), {"blue_green": {"green": {"model": {"artifact": "second"}}, "live": "green"}}):
        with without_loss(stack) as seen:
            service(stack)["release"] = {**release, "verify": verification(first)}
            stack.configure()
            failed = stack.project.up(fails=True)
        assert "verif" in failed.text
        assert set(seen.versions) == {first}
    with without_loss(stack):
        update(stack, release={**canary(50), "verify": verification(second)})
    assert set(answers(stack)) == {first, second}


def verification(version: str) -> Json:
    """A verification that only this version of the model passes."""
    expected = {"json": {"/version": {"equals": version}}}
    return {"image": IMAGE, "requests": [{"path": "/model", "expect": expected}]}


def test_replicas_come_and_go_under_load(stack: LocalStack) -> None:
    for replicas in (4, 1, 2):
        with without_loss(stack):
            update(stack, replicas=replicas)
            wait_until(all_ready(stack, "vision-digits", replicas), f"{replicas} replicas")


def test_what_the_gateway_here_cannot_do_is_refused_before_anything_changes(stack: LocalStack) -> None:
    service(stack)["release"] = {"shadow": {"model": {"artifact": "second"}}}
    stack.configure()
    refused = stack.project.preview(fails=True)
    assert "Traefik does not copy requests" in refused.text
