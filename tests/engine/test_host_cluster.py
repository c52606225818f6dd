"""A real node on this machine: containers run, find each other, keep their data, and leave nothing behind."""

import os
import socket
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from modelyard.cluster.local import lifecycle
from modelyard.cluster.local.engines.host.engine import HostEngine
from modelyard.cluster.local.folder import LocalClusterError, cluster_folder, read_record
from modelyard.errors import Problem
from tests.support.host_clusters import apply, kill_everything, kubectl, machine_state, node_environment, python_pod
from tests.support.local_clusters import daemons
from tests.support.processes import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

NAME = "real"
ADDRESS_6 = "2001:db8::1"
"""Ours for a neighbour that speaks version 6."""
NODE_DAEMONS = {"containerd", "kubelet", "kube-proxy", "coredns", "metrics-server", "local-path-provisioner"}
SERVE = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8080, bind='0.0.0.0')"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("state")
    with node_environment(folder):
        yield folder


@pytest.fixture(scope="module")
def before(state: Path) -> dict[str, list[str]]:
    """This machine without a cluster."""
    return machine_state(state)


@pytest.fixture(scope="module")
def kubeconfig(before: dict[str, list[str]]) -> Path:
    """Of the one cluster that most of these tests share."""
    lifecycle.create(NAME, "host", "1.35")
    config = cluster_folder(NAME) / "kubeconfig"
    for namespace in ("one", "two"):
        kubectl(config, "create", "namespace", namespace)
        kubectl(config, "wait", "--for=create", "serviceaccount/default", "-n", namespace)
    return config


def succeeds(config: Path, *arguments: str) -> bool:
    try:
        kubectl(config, *arguments)
    except AssertionError:
        return False
    return True


def shows(config: Path, text: str, *arguments: str) -> Callable[[], bool]:
    return lambda: text in kubectl(config, *arguments)


def serve(config: Path, namespace: str = "one") -> None:
    """A Deployment with a Service and a volume that many may write."""
    metadata = {"name": "web", "namespace": namespace}
    labels = {"app": "web"}
    size = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Mi"}}}
    template = {
        "metadata": {"labels": labels},
        "spec": python_pod(f"import os; os.chdir('/data'); {SERVE}", claim_name="data"),
    }
    apply(
        config,
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {**metadata, "name": "data"}, "spec": size},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    )
    kubectl(config, "rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s")


def run_python(config: Path, code: str, namespace: str = "one") -> str:
    """What code prints inside of the serving container."""
    return kubectl(config, "exec", "-n", namespace, "deployment/web", "--", "/python/bin/python3", "-c", code)


def runs_python(config: Path, code: str) -> Callable[[], bool]:
    return lambda: succeeds(config, "exec", "-n", "one", "deployment/web", "--", "/python/bin/python3", "-c", code)


@pytest.fixture(scope="module")
def served(kubeconfig: Path) -> Path:
    for namespace in ("one", "two"):
        serve(kubeconfig, namespace)
    return kubeconfig


def test_the_node_is_real_and_of_the_machines_size(kubeconfig: Path) -> None:
    assert lifecycle.is_alive(NAME)
    size = kubectl(kubeconfig, "get", "node", "host", "-o", "jsonpath={.status.capacity.cpu} {.status.capacity.memory}")
    assert size == f"{os.cpu_count()} {psutil.virtual_memory().total // 1024}Ki"


def test_services_names_and_volumes_work_between_namespaces(served: Path) -> None:
    run_python(served, "open('/data/greeting', 'w').write('from two')", namespace="two")
    fetch = "import urllib.request as u; print(u.urlopen('http://web.two/greeting', timeout=5).read().decode())"
    assert run_python(served, fetch).strip() == "from two"
    assert run_python(served, "import os; print(os.getuid())").strip() == "10001"
    own = "import urllib.request as u; print(u.urlopen('http://web/', timeout=5).status)"
    assert run_python(served, own).strip() == "200", "a pod reaches itself through its Service"


def test_a_claim_takes_its_data_with_it_also_what_its_pods_closed_to_others(served: Path, state: Path) -> None:
    private = "import os; os.mkdir('/data/own', 0o700); open('/data/own/x', 'w').write('x')"
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    metadata = {"name": "short", "namespace": "one"}
    pod = {**python_pod(private, claim_name="short"), "restartPolicy": "Never"}
    apply(
        served,
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod},
    )
    wait_until(
        shows(served, "Succeeded", "get", "pod", "short", "-n", "one", "-o", "jsonpath={.status.phase}"), "the pod"
    )
    [folder] = (cluster_folder(NAME) / "node" / "volumes").glob("*_one_short")
    assert (folder / "own" / "x").read_text() == "x"
    kubectl(served, "delete", "pod,pvc", "short", "-n", "one")
    wait_until(lambda: not folder.exists(), "the folder is removed", 60)


def test_pods_reach_the_api_server_which_proves_who_it_is(served: Path) -> None:
    code = """
import ssl, urllib.request
folder = '/var/run/secrets/kubernetes.io/serviceaccount'
context = ssl.create_default_context(cafile=f'{folder}/ca.crt')
print(urllib.request.urlopen('https://kubernetes.default/version', context=context, timeout=5).status)
"""
    assert run_python(served, code).strip() == "200"


def test_metrics_of_the_node_are_served(served: Path) -> None:
    nodes = ("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")
    wait_until(lambda: succeeds(served, *nodes) and '"host"' in kubectl(served, *nodes), "metrics", 90)
    pods = ("get", "--raw", "/apis/metrics.k8s.io/v1beta1/namespaces/one/pods")
    wait_until(shows(served, '"web-', *pods), "metrics of the pod", 90)


def test_logs_come_from_the_container(served: Path) -> None:
    wait_until(shows(served, "GET /", "logs", "-n", "one", "deployment/web"), "a request in the log")


def test_the_network_around_reaches_neither_api_server_nor_node(kubeconfig: Path) -> None:
    record = read_record(cluster_folder(NAME))
    assert record
    api, kubelet = record.ports["kube-apiserver"], record.ports["kubelet"]
    with neighbour() as (address, connects), socket.create_server(("0.0.0.0", 0)) as open_to_all:
        assert connects(address, open_to_all.getsockname()[1]), "what this machine offers to others stays open"
        node = kubectl(kubeconfig, "get", "node", "host", "-o", "jsonpath={.status.addresses[0].address}")
        socket.create_connection((node, api), timeout=5).close()
        assert not connects(address, api)
        assert not connects(node, api)
        assert not connects(node, kubelet)
    with neighbour() as (_, connects), socket.create_server(("::", 0), family=socket.AF_INET6) as open_to_all:
        assert connects(ADDRESS_6, open_to_all.getsockname()[1])
        assert not connects(ADDRESS_6, api), "what listens on all addresses listens on those of version 6 too"


@contextmanager
def neighbour() -> Generator[tuple[str, Callable[[str, int], bool]]]:
    """Another machine of the same network: our address there, and whether it can connect to one of ours."""
    name, ours, theirs = f"near{os.getpid()}", "198.51.100.1", "198.51.100.2"
    folder = Path("/run/netns")
    is_first = not folder.exists()

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def connects(address: str, port: int) -> bool:
        code = f"import socket; socket.create_connection(('{address}', {port}), timeout=2)"
        return subprocess.run(["ip", "netns", "exec", name, "python3", "-c", code], capture_output=True).returncode == 0

    ip("netns", "add", name)
    try:
        ip("link", "add", "near0", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("address", "add", f"{ours}/24", "dev", "near0")
        ip("link", "set", "near0", "up")
        ip("-6", "address", "add", f"{ADDRESS_6}/64", "dev", "near0", "nodad")
        for each in (
            ("address", "add", f"{theirs}/24", "dev", "eth0"),
            ("-6", "address", "add", "2001:db8::2/64", "dev", "eth0", "nodad"),
            ("link", "set", "eth0", "up"),
            ("route", "add", "default", "via", ours),
        ):
            ip("-n", name, *each)
        yield ours, connects
    finally:
        ip("netns", "delete", name)
        if is_first:
            # The first network namespace with a name makes the folder of such, and mounts it.
            subprocess.run(["umount", folder], check=True)
            folder.rmdir()
        subprocess.run(["ip", "link", "delete", "near0"], capture_output=True)


@pytest.mark.parametrize("daemon", sorted(NODE_DAEMONS))
def test_a_killed_daemon_is_started_again_and_no_container_ends(served: Path, state: Path, daemon: str) -> None:
    before = containers(served)
    daemons(state)[f"{NAME}/{daemon}"].kill()
    wait_until(lambda: not lifecycle.is_alive(NAME), "the loss is seen")
    lifecycle.start(NAME)
    assert lifecycle.is_alive(NAME)
    assert containers(served) == before
    wait_until(runs_python(served, ""), "the kubelet knows its pods again")


@pytest.mark.parametrize("command", ["nft delete table inet modelyard", "ip link delete modelyard0"])
def test_a_network_that_was_taken_away_is_made_again(served: Path, command: str) -> None:
    subprocess.run(command.split(), check=True)
    assert not lifecycle.is_alive(NAME)
    lifecycle.start(NAME)
    assert lifecycle.is_alive(NAME)
    wait_until(
        runs_python(served, "import urllib.request as u; u.urlopen('http://web.two/', timeout=5)"), "the other pod"
    )


def containers(config: Path) -> str:
    started = "{range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID}{end}"
    return kubectl(config, "get", "pods", "-n", "one", "-o", f"jsonpath={started}")


def test_after_a_restart_of_the_machine_everything_runs_with_its_data(served: Path, state: Path) -> None:
    run_python(served, "open('/data/kept', 'w').write('still here')")
    ports = read_record(cluster_folder(NAME))
    kill_everything(state)
    assert not lifecycle.is_alive(NAME)
    lifecycle.start(NAME)
    assert read_record(cluster_folder(NAME)) == ports
    wait_until(runs_python(served, ""), "the pod")
    assert run_python(served, "print(open('/data/kept').read())").strip() == "still here"
    fetch = "import urllib.request as u; print(u.urlopen('http://web.two/', timeout=5).status)"
    wait_until(runs_python(served, fetch), "the other")


def refusals(*own: str) -> list[Problem]:
    return list(HostEngine().problems("1.35", own))


def test_a_second_cluster_is_refused_and_the_first_is_left_alone(kubeconfig: Path) -> None:
    [problem] = refusals("another")
    assert NAME in problem.why
    assert "destroy the stack" in problem.fix
    assert refusals(NAME) == [], "its own cluster is no reason"
    with pytest.raises(LocalClusterError, match=f"has the real node of the local cluster {NAME} .*; destroy the stack"):
        lifecycle.create("another", "host", "1.35")
    lifecycle.delete("another")
    assert lifecycle.is_alive(NAME)


def test_removing_it_leaves_nothing(served: Path, state: Path, before: dict[str, list[str]]) -> None:
    """Runs last: it removes the cluster that the others share."""
    during = machine_state(state)
    assert all(during[what] != before[what] for what in ("processes", "mounts", "links", "nftables", "cgroups"))
    lifecycle.delete(NAME)
    assert not cluster_folder(NAME).exists()
    assert machine_state(state) == before
