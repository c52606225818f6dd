"""The sample model on a real node: trained, served, updated, scaled, broken and healed in real containers.

All tests share one stack, made by the real engine, and change it one after the other.
"""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import psutil
import pytest

from tests.engine.host_stack import CLUSTER, IMAGE, digits, host_stack, job, training
from tests.engine.host_traffic import SAMPLES, all_ready, names, pods, predict, traffic
from tests.engine.local_stack import Json, LocalStack, uids
from tests.support.host_clusters import kill_everything
from tests.support.local_clusters import daemons
from tests.support.processes import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

FIRST_LINES = "import os, pathlib, sys, time\nfolder = pathlib.Path('/data')\n"
TWICE = FIRST_LINES + "(folder / f'try-{time.time_ns()}').touch()\nsys.exit(len(list(folder.glob('try-*'))) < 3)"
HOG = "import os; held = bytearray(os.urandom(1 << 20)) * 1024; print(len(held))"
LOOKUP = """
import socket, urllib.request
print(socket.getaddrinfo("digits.vision", 80)[0][4][0])
print(urllib.request.urlopen("http://digits.vision.svc/readyz", timeout=10).status)
"""
SCALE_SECONDS = 180
TRIAL = "{service: vision/digits, path: /predict, body: body.json}"
MARK = "MODELYARD_TEST_SERVICE"
"""Variable of a container by which its process is found from outside."""


SPEC: Json = {
    "cluster": CLUSTER,
    # Larger than any machine that runs tests, so that what is too large is found by the scheduler.
    "pools": {"system": {"cpus": 512, "memory_gib": 2048, "max_nodes": 1}, "l4": {"accelerator": "l4"}},
    "workspaces": {
        "vision": {
            "secrets": {"token": {"from": "config/token"}},
            "config": {"settings": {"values": {"level": "low"}}},
            "volumes": {"models": {"size_gib": 1}, "tries": {"size_gib": 1}},
            "jobs": {
                "first": training("first"),
                "second": training("second", args=["--kernel", "linear"]),
                "third-try": job(
                    TWICE, retries=3, mounts=[{"volume": "tries", "path": "/data", "folder": "third-try"}]
                ),
                "fatal": job("raise SystemExit(42)", retries=3, fatal_exit_codes=[42]),
                "late": job("import time; time.sleep(600)", timeout_seconds=5),
                "hog": job(HOG, memory_gib=0.125),
                "minutely": {**job("print('ran')"), "schedule": "* * * * *"},
            },
            "services": {
                "digits": digits(
                    replicas=2,
                    env={"DRAIN_SECONDS": "0", MARK: "digits"},
                    mounts=[
                        {"config": "settings", "path": "/etc/settings"},
                        {"secret": "token", "path": "/etc/token"},
                    ],
                ),
                "scaled": digits(autoscaling={"max_replicas": 3, "target": {"cpu_percent": 50}}),
                "plain": {
                    "runtime": {
                        "container": {
                            "image": IMAGE,
                            "command": ["python", "-m", "http.server", "8080", "--directory", "/tmp"],
                            "port": 8080,
                            "ready_path": "/",
                        }
                    },
                    "pool": "system",
                    "cpus": 0.05,
                    "memory_gib": 0.125,
                    # It does not end when it is asked to.
                    "drain_seconds": 0,
                },
            },
        },
        "other": {"jobs": {"lookup": job(LOOKUP, retries=3)}},
        "simulated": {"jobs": {"embed": {"image": "registry.example.org/embed:1.0.0", "pool": "l4", "gpus": 1}}},
    },
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with host_stack(tmp_path_factory.mktemp("host"), SPEC, {"token": "one"}) as made:
        (made.folder / "stacks" / "body.json").write_bytes(SAMPLES)
        (made.folder / "stacks" / "trial.test.yaml").write_text(TRIAL)
        made.project.up()
        yield made
        made.project.destroy()


def vision(stack: LocalStack) -> Json:
    return stack.spec["workspaces"]["vision"]


def address(stack: LocalStack, service: str = "digits") -> str:
    """The Service's own address, which kube-proxy makes reachable on this machine too."""
    return json.loads(stack.kubectl("get", "service", service, "--namespace=vision", "--output=json"))["spec"][
        "clusterIP"
    ]


def ended(stack: LocalStack, name: str) -> Json:
    """The condition with which a job has ended."""

    def conditions() -> list[Json]:
        found = stack.one("jobs", f"vision-{name}")["status"].get("conditions", [])
        return [each for each in found if each["type"] in {"Complete", "Failed"} and each["status"] == "True"]

    wait_until(lambda: bool(conditions()), f"the end of {name}", 240)
    (condition,) = conditions()
    return condition


def terminated(stack: LocalStack, name: str) -> list[Json]:
    """How each pod of a job ended."""
    return [
        status["state"]["terminated"]
        for pod in pods(stack, f"vision-{name}")
        for status in pod["status"]["containerStatuses"]
    ]


def test_the_service_answers_with_the_model_that_its_job_has_trained(stack: LocalStack) -> None:
    answer = predict(address(stack))
    assert answer["accuracy"] > 0.9
    (message,) = [each["message"] for each in terminated(stack, "first")]
    assert answer["model"]["version"] in message, "the job's own last word names the version that is served"
    assert {pod["spec"]["nodeName"] for pod in pods(stack, "vision-digits")} == {"host"}
    images = {status["image"] for pod in pods(stack, "vision-digits") for status in pod["status"]["containerStatuses"]}
    assert all("digits:local-" in image for image in images)


def test_accelerators_are_simulated_beside_it(stack: LocalStack) -> None:
    (pod,) = stack.get("pods", "--selector=app.kubernetes.io/instance=simulated-embed")
    assert (pod["spec"]["nodeName"], pod["status"]["phase"]) == ("l4-0", "Succeeded")


def test_nothing_changes_without_a_change(stack: LocalStack) -> None:
    before = uids(stack.of_workspace("vision"))
    assert stack.project.up("--expect-no-changes").unchanged
    assert uids(stack.of_workspace("vision")) == before


def test_replicas_follow_the_load(stack: LocalStack) -> None:
    host, stop = address(stack, "scaled"), threading.Event()

    def load() -> None:
        while not stop.is_set():
            predict(host)

    with ThreadPoolExecutor(2) as pool:
        clients = [pool.submit(load) for _ in range(2)]
        try:
            wait_until(lambda: len(pods(stack, "vision-scaled")) == 3, "three replicas", SCALE_SECONDS)
        finally:
            stop.set()
    assert [client.result() for client in clients] == [None, None], "every request was answered"


def test_a_job_that_fails_twice_succeeds_on_the_third_try_on_the_same_volume(stack: LocalStack) -> None:
    assert ended(stack, "third-try")["type"] == "Complete"
    codes = sorted(each["exitCode"] for each in terminated(stack, "third-try"))
    assert codes == [0, 1, 1]


def test_a_fatal_exit_code_ends_a_job_at_once(stack: LocalStack) -> None:
    condition = ended(stack, "fatal")
    assert (condition["type"], condition["reason"]) == ("Failed", "PodFailurePolicy")
    assert [each["exitCode"] for each in terminated(stack, "fatal")] == [42]


def test_a_job_that_takes_too_long_is_ended(stack: LocalStack) -> None:
    condition = ended(stack, "late")
    assert (condition["type"], condition["reason"]) == ("Failed", "DeadlineExceeded")
    wait_until(lambda: not pods(stack, "vision-late"), "the end of its pod", 60)


def test_a_pod_that_takes_more_memory_than_its_limit_is_killed(stack: LocalStack) -> None:
    assert ended(stack, "hog")["type"] == "Failed"
    assert [each["reason"] for each in terminated(stack, "hog")] == ["OOMKilled"]


def test_a_schedule_fires_on_time(stack: LocalStack) -> None:
    def runs() -> list[Json]:
        return stack.get("jobs", "--selector=app.kubernetes.io/instance=vision-minutely")

    wait_until(lambda: any(each["status"].get("succeeded") for each in runs()), "a run", 130)
    for each in runs():
        made = datetime.fromisoformat(each["metadata"]["creationTimestamp"])
        due = datetime.fromisoformat(each["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"])
        assert timedelta(0) <= made - due < timedelta(seconds=30), f"{made} is late for {due}"


def test_names_resolve_from_another_namespace(stack: LocalStack) -> None:
    wait_until(lambda: bool(stack.one("jobs", "other-lookup")["status"].get("succeeded")), "the lookup")


def test_a_pod_that_breaks_restricted_is_refused(stack: LocalStack) -> None:
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        stack.kubectl("run", "root", "--image=a:1", "--namespace=vision", "--privileged")


def test_the_service_answers_while_a_process_is_killed_and_a_pod_deleted(stack: LocalStack) -> None:
    host, before = address(stack), pods(stack, "vision-digits")
    with traffic(host, clients=2) as seen:
        serving = processes_of("digits")
        assert len(serving) == 2
        serving[0].kill()
        killed = time.monotonic()
        wait_until(lambda: sum(restarts(stack)) == 1, "the container's restart", 60)
        wait_until(all_ready(stack, "vision-digits", 2), "both replicas", 60)
        stack.kubectl("delete", "pod", before[0]["metadata"]["name"], "--namespace=vision", "--wait=false")
        wait_until(lambda: names(pods(stack, "vision-digits")) != names(before), "another pod", 60)
        wait_until(all_ready(stack, "vision-digits", 2), "both replicas", 60)
    assert seen.longest_gap_seconds < 10, seen
    # A process that is killed takes the requests with it that it had, and those that come until its node has seen it.
    assert all(at - killed < 15 for at, _ in seen.failures), seen


def processes_of(service: str) -> list[psutil.Process]:
    """The servers of a service, as this machine sees them."""
    servers = [
        each for each in psutil.process_iter(["cmdline"]) if (each.info["cmdline"] or [])[-2:] == ["digits", "serve"]
    ]
    return [each for each in servers if each.environ().get(MARK) == service]


def restarts(stack: LocalStack) -> list[int]:
    return [
        status["restartCount"] for pod in pods(stack, "vision-digits") for status in pod["status"]["containerStatuses"]
    ]


def test_an_update_to_another_model_and_back_loses_no_request(stack: LocalStack) -> None:
    host = address(stack)
    versions = [predict(host)["model"]["version"]]
    with traffic(host) as seen:
        for model in ("second", "first"):
            vision(stack)["services"]["digits"]["model"]["artifact"] = model
            stack.configure()
            stack.project.up()
            wait_until(lambda: len(pods(stack, "vision-digits")) == 2, "the end of the old replicas")
            versions.append(predict(host)["model"]["version"])
        assert seen.answered >= 1000, "the updates were under load"
    assert seen.failures == []
    assert versions[0] == versions[2] != versions[1]


def test_configuration_and_secrets_roll_what_uses_them_and_nothing_else(stack: LocalStack) -> None:
    plain = names(pods(stack, "vision-plain"))
    for change in ("config", "secret"):
        before = names(pods(stack, "vision-digits"))
        if change == "config":
            vision(stack)["config"]["settings"]["values"]["level"] = "high"
            stack.configure()
        else:
            stack.project.set_config(secrets={"modelyard:token": "two"})
        stack.project.up()
        after = names(pods(stack, "vision-digits"))
        assert not after & before, change
        pod = next(iter(after))
        shown = stack.kubectl("exec", pod, "--namespace=vision", "--", "cat", "/etc/settings/level", "/etc/token/value")
        assert shown == ("highone" if change == "config" else "hightwo")
    assert names(pods(stack, "vision-plain")) == plain


def test_a_pod_that_is_too_large_waits_and_the_update_says_why(stack: LocalStack) -> None:
    vision(stack)["jobs"]["large"] = job("pass", cpus=256, timeout_seconds=20, await_completion=True)
    stack.configure()
    failed = stack.project.up(fails=True)
    assert "Insufficient cpu" in failed.text
    del vision(stack)["jobs"]["large"]
    stack.configure()
    stack.project.up()


def test_replicas_become_fewer_without_load(stack: LocalStack) -> None:
    """The autoscaler waits for five minutes of less load before it takes one; here that time is cut short."""
    autoscaler = stack.one("horizontalpodautoscalers", "vision-scaled")
    window_seconds = autoscaler["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"]
    assert window_seconds == 300

    def set_window(seconds: int) -> None:
        patch = json.dumps({"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": seconds}}}})
        name = autoscaler["metadata"]["name"]
        stack.kubectl("patch", "horizontalpodautoscaler", name, "--namespace=vision", "--type=merge", "--patch", patch)

    set_window(0)
    wait_until(lambda: len(pods(stack, "vision-scaled")) < 3, "fewer replicas", SCALE_SECONDS)
    set_window(window_seconds)


def test_after_a_restart_of_the_machine_an_update_heals_it_and_no_data_is_lost(stack: LocalStack) -> None:
    version = predict(address(stack))["model"]["version"]
    kill_everything(stack.project.state_folder)
    stack.project.up("--refresh", "--run-program")
    wait_until(all_ready(stack, "vision-digits", 2), "both replicas")
    assert predict(address(stack))["model"]["version"] == version


def test_an_engine_and_a_kubelet_that_are_killed_in_an_update(stack: LocalStack) -> None:
    vision(stack)["services"]["digits"]["model"]["artifact"] = "second"
    stack.configure()
    before = names(pods(stack, "vision-digits"))
    running = stack.project.start("up", "--skip-preview", "--yes")
    wait_until(lambda: bool(names(pods(stack, "vision-digits")) - before), "the first new pod")
    running.kill()
    for name, process in daemons(stack.project.state_folder).items():
        if name.endswith(("/kubelet", "/containerd")):
            process.kill()
    said = stack.make("up")
    assert "vision/digits answered POST /predict with 200" in said
    assert '"accuracy":' in said
    assert predict(address(stack))["accuracy"] > 0.9
    wait_until(lambda: not names(pods(stack, "vision-digits")) & before, "the end of the old replicas")
