"""Containers before and beside a workload's own: what is refused, and what is nearly that."""

from typing import Any

import pulumi
import pytest

from modelyard.batch.spec import BatchJobSpec, TrainingJobSpec
from modelyard.errors import ConfigError
from modelyard.serving.runtimes.container import ContainerSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.runtimes.triton import TritonSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.spec import CountOrZero, spec, validate
from modelyard.workspace.container_spec import InitContainerSpec, MountSpec, SidecarSpec
from modelyard.workspace.place import Place
from modelyard.workspace.workload_spec import WorkloadSpec
from tests.support.clusters import POOLS
from tests.support.mocks import run

PROXY = "registry.example.org/feature-proxy:1.2.0"


@spec
class Plain(WorkloadSpec):
    gpus: CountOrZero = 0


def sidecar(**fields: Any) -> SidecarSpec:
    given: dict[str, Any] = {"image": PROXY, **fields}
    return SidecarSpec(**given)


def first(**fields: Any) -> InitContainerSpec:
    given: dict[str, Any] = {"image": "registry.example.org/fetch:1", **fields}
    return InitContainerSpec(**given)


def alone(workload: WorkloadSpec) -> list[str]:
    """What is wrong with it wherever it runs."""
    try:
        validate(workload)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def placed(workload: WorkloadSpec, **place: Any) -> list[str]:
    """What is wrong with a valid one beside these pools."""
    validate(workload)
    return [str(problem) for problem in workload.problems_on(Place(pools=POOLS, **place))]


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (PROXY, "feature-proxy"),
        ("envoyproxy/envoy:v1.30", "envoy"),
        ("localhost:5000/a_b.c@sha256:" + "0" * 64, "a-b-c"),
        ("redis:7", "redis"),
    ],
)
def test_a_container_is_called_like_its_image(image: str, name: str) -> None:
    assert sidecar(image=image).container_name == name
    assert sidecar(image=image, name="own").container_name == "own"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("registry.example.org/7zip:1", "sidecars[0].name: is missing, and the image's '7zip' is no name; add it"),
        ("a" * 41 + ":1", f"sidecars[0].name: is missing, and the image's '{'a' * 41}' is no name; add it"),
    ],
)
def test_a_name_that_cannot_be_made_of_the_image_is_asked_for(image: str, message: str) -> None:
    assert alone(Plain(pool="system", sidecars=[sidecar(image=image)])) == [message]
    assert alone(Plain(pool="system", sidecars=[sidecar(image=image, name="zip")])) == []
    assert alone(Plain(pool="system", sidecars=[sidecar(image="a" * 40 + ":1")])) == []


def test_an_image_that_is_known_later_needs_a_name() -> None:
    why = "is missing, and the image, which it would be made from, is known only later"

    def program() -> None:
        image = pulumi.Output.from_input(PROXY)
        assert alone(Plain(pool="system", sidecars=[sidecar(image=image)])) == [f"sidecars[0].name: {why}; add it"]
        assert alone(Plain(pool="system", sidecars=[sidecar(image=image, name="proxy")])) == []

    run(program)


def test_two_containers_of_one_name() -> None:
    twice = Plain(pool="system", init_containers=[first(name="a")], sidecars=[sidecar(name="b"), sidecar(name="a")])
    assert alone(twice) == ["sidecars[1].name: a is the name of init_containers[0] too; choose another"]
    assert alone(Plain(pool="system", init_containers=[first(name="a")], sidecars=[sidecar(name="b")])) == []


def test_the_fabrics_process_has_its_name_alone() -> None:
    (said,) = alone(Plain(pool="system", sidecars=[sidecar(name="tcpx-daemon")]))
    assert said == "sidecars[0].name: tcpx-daemon is the name of the fabric's process; choose another"
    assert alone(Plain(pool="system", sidecars=[sidecar(name="tcpx")])) == []


def service(**fields: Any) -> ModelServiceSpec:
    runtime = RuntimeSpec(container=ContainerSpec(image="a:1", port=8080, ready_path="/", metrics_path="/m"))
    given: dict[str, Any] = {"pool": "system", "runtime": runtime, **fields}
    return ModelServiceSpec(**given)


def test_the_own_container_has_its_name_alone() -> None:
    said = "sidecars[0].name: {} is the name of the workload's own container too; choose another"
    job = BatchJobSpec(pool="system", image="train:1", sidecars=[sidecar(name="server")])
    assert list(map(str, job.container_name_problems("server"))) == [said.format("server")]
    assert list(job.container_name_problems("fit")) == []
    assert list(map(str, service(sidecars=[sidecar(name="server")]).container_name_problems("x"))) == [
        said.format("server")
    ]
    assert list(service(sidecars=[sidecar(name="x")]).container_name_problems("x")) == []


@pytest.mark.parametrize(
    ("workload", "port"),
    [
        (service(sidecars=[sidecar(port=8080)]), 8080),
        (
            service(
                runtime=RuntimeSpec(
                    container=ContainerSpec(
                        image="a:1", port=80_81, ready_path="/", metrics_path="/", metrics_port=9090
                    )
                ),
                sidecars=[sidecar(port=9090)],
            ),
            9090,
        ),
        (TrainingJobSpec(pool="system", image="a:1", sidecars=[sidecar(port=29500)]), 29500),
    ],
)
def test_the_own_containers_ports_are_taken(workload: WorkloadSpec, port: int) -> None:
    (said,) = alone(workload)
    assert said == (
        f"sidecars[0].port: {port} is the port of the workload's own container too, and containers of a pod share "
        "their ports; choose another"
    )


def test_other_ports_are_free() -> None:
    assert alone(service(sidecars=[sidecar(port=8081)])) == []
    assert alone(BatchJobSpec(pool="system", image="a:1", sidecars=[sidecar(port=29500)])) == []


def test_grpc_of_a_known_server_is_taken_too() -> None:
    triton = service(runtime=RuntimeSpec(triton=TritonSpec()), sidecars=[sidecar(port=8001)])
    assert "sidecars[0].port: 8001 is the port of the workload's own container too" in "\n".join(alone(triton))


def test_two_sidecars_of_one_port() -> None:
    twice = [sidecar(name="a", port=7000), sidecar(name="b"), sidecar(name="c", port=7000)]
    (said,) = alone(Plain(pool="system", sidecars=twice))
    assert said.startswith("sidecars[2].port: 7000 is the port of sidecars[0] too")
    assert alone(Plain(pool="system", sidecars=[twice[0], sidecar(name="c", port=7001)])) == []


@pytest.mark.parametrize("fields", [{"ready_path": "/ready"}, {"startup_timeout_seconds": 60}])
def test_what_is_asked_at_a_port_needs_one(fields: dict[str, Any]) -> None:
    (name,) = fields
    said = f"sidecars[0].{name}: is asked at a port, and there is none; add port, or leave it out"
    assert alone(Plain(pool="system", sidecars=[sidecar(**fields)])) == [said]
    assert alone(Plain(pool="system", sidecars=[sidecar(port=7000, **fields)])) == []


def test_their_variables_and_mounts_keep_the_rules_of_all() -> None:
    data = MountSpec(path="/data", scratch="data")
    twice = sidecar(env={"A": "1"}, env_from_secrets={"A": "key"}, mounts=[data, data])
    assert alone(Plain(pool="system", init_containers=[first()], sidecars=[twice])) == [
        "sidecars[0].env.A: is also set in env_from_secrets; keep one of the two",
        "sidecars[0].mounts[1].path: /data is the path of another mount too; choose another",
    ]
    near = sidecar(env={"A": "1"}, env_from_secrets={"B": "key"}, mounts=[data, MountSpec(path="/b", scratch="data")])
    assert alone(Plain(pool="system", mounts=[data], sidecars=[near])) == []


def test_scratch_is_one_of_the_sources_and_always_writable() -> None:
    both = Plain(pool="system", mounts=[MountSpec(path="/a", scratch="a", volume="b")])
    assert alone(both) == [
        "mounts[0]: volume and scratch exclude each other; give exactly one of volume, config, secret, scratch"
    ]
    said = "mounts[0].read_only: has a meaning for volumes only; leave it out"
    assert alone(Plain(pool="system", mounts=[MountSpec(path="/a", scratch="a", read_only=True)])) == [said]


def test_they_name_what_the_workspace_has() -> None:
    asks = sidecar(env_from_secrets={"KEY": "key"}, mounts=[MountSpec(path="/a", volume="data")])
    workload = Plain(pool="system", init_containers=[first(env_from_object_stores={"URL": "raw"})], sidecars=[asks])
    assert placed(workload) == [
        (
            "init_containers[0].env_from_object_stores.URL: 'raw' is no object store of this workspace; "
            "add it under object_stores"
        ),
        "sidecars[0].env_from_secrets.KEY: 'key' is no secret of this workspace; add it under secrets",
        "sidecars[0].mounts[0].volume: 'data' is no volume of this workspace; add it under volumes",
    ]
    assert placed(workload, secrets=["key"], volumes=["data"], object_stores=["raw"]) == []


def test_a_priority_is_one_of_the_platforms() -> None:
    said = "priority: 'production' is no priority of this stack; {} under platform.priorities"
    workload = Plain(pool="system", priority="production")
    assert placed(workload) == [said.format("add it")]
    assert placed(workload, priorities=["batch"]) == [said.format("use one of batch, or add it")]
    assert placed(workload, priorities=["batch", "production"]) == []


def test_a_node_has_room_for_all_containers_together() -> None:
    free = POOLS["system"].allocatable_cpus
    fits = Plain(pool="system", cpus=free - 2, sidecars=[sidecar(cpus=2, memory_gib=1)])
    assert placed(fits) == []
    full = Plain(pool="system", cpus=free - 2, sidecars=[sidecar(cpus=1.5), sidecar(name="b", cpus=0.6)])
    assert placed(full) == [
        (
            f"sidecars: a pod asks for {free + 0.1:g} cpus with them, and a node of pool system has {free:g} for pods; "
            "lower cpus of some, or use a pool of larger nodes"
        )
    ]


def test_a_node_has_room_for_each_init_container() -> None:
    free = POOLS["system"].allocatable_memory_gib
    assert (
        placed(Plain(pool="system", init_containers=[first(memory_gib=free), first(name="b", memory_gib=free)])) == []
    )
    assert placed(Plain(pool="system", init_containers=[first(memory_gib=free + 1)])) == [
        (
            f"init_containers: one of them asks for {free + 1:g} memory_gib, and a node of pool system has {free:g} "
            "for pods; lower it, or use a pool of larger nodes"
        )
    ]


def test_sidecars_take_of_what_goes_with_the_gpus() -> None:
    pool = POOLS["l4"]
    cpus, memory_gib = pool.share(1)
    with_one = Plain(pool="l4", gpus=1, sidecars=[sidecar(cpus=1, memory_gib=2)]).resources_on(pool)
    assert (with_one.cpus, with_one.memory_gib) == (pytest.approx(cpus - 1), pytest.approx(memory_gib - 2))
    assert (with_one.pod_cpus, with_one.pod_memory_gib) == (pytest.approx(cpus), pytest.approx(memory_gib))
    assert placed(Plain(pool="l4", gpus=1, sidecars=[sidecar(cpus=cpus - 0.1)])) == []
    assert placed(Plain(pool="l4", gpus=1, sidecars=[sidecar(cpus=cpus)])) == [
        (
            f"sidecars: they ask for {cpus:g} cpus, and {cpus:g} go with the pod's GPUs; lower theirs, or set cpus of "
            "the workload"
        )
    ]


def test_a_pod_asks_for_what_runs_at_once() -> None:
    def of(**fields: Any) -> tuple[float, float]:
        needs = Plain(pool="system", cpus=2, memory_gib=4, **fields).resources_on(POOLS["system"])
        return needs.pod_cpus, needs.pod_memory_gib

    assert of() == (2, 4)
    assert of(sidecars=[sidecar(cpus=1, memory_gib=0.5)]) == (3, 4.5)
    assert of(init_containers=[first(cpus=1.5, memory_gib=3), first(cpus=1, memory_gib=4)]) == (2, 4)
    assert of(init_containers=[first(cpus=8, memory_gib=3)], sidecars=[sidecar(cpus=1, memory_gib=0.5)]) == (8, 4.5)


def test_nodes_hold_as_many_pods_as_they_have_room_for_with_sidecars() -> None:
    pool = POOLS["system"]
    plain = Plain(pool="system", cpus=3, memory_gib=1)
    assert plain.resources_on(pool).per_node(pool) == 5
    assert Plain(pool="system", cpus=3, memory_gib=1, sidecars=[sidecar(cpus=1)]).resources_on(pool).per_node(pool) == 3


def test_a_volume_of_one_node_counts_in_every_container() -> None:
    data = MountSpec(path="/data", volume="data")
    several = service(replicas=2, sidecars=[sidecar(mounts=[data])])
    (said,) = placed(several, volumes=["data"], unshared_volumes=["data"])
    assert said.startswith("sidecars[0].mounts[0].volume: volume data can be on one node at a time")
    assert placed(several, volumes=["data"]) == []
