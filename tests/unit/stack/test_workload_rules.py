"""What workloads take from each other: volumes of one node, a workspace's quota, nodes of a pool."""

import json
from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.stack.spec import load_stack

Json = dict[str, Any]

EKS: Json = {"eks": {"region": "us-east-1"}}
AKS: Json = {
    "aks": {
        "subscription_id": "00000000-0000-0000-0000-000000000000",
        "region": "eastus2",
        "admins": ["11111111-1111-1111-1111-111111111111"],
    }
}
GKE: Json = {"gke": {"project": "modelyard-test", "region": "us-central1"}}
HOST: Json = {"local": {"engine": "host"}}
POOLS: Json = {
    "system": {"cpus": 16, "memory_gib": 64, "min_nodes": 2, "max_nodes": 4},
    "big": {"cpus": 32, "memory_gib": 128, "max_nodes": 2},
    "l4": {"accelerator": "l4", "max_nodes": 3},
    "h100": {"accelerator": "h100", "gpus_per_node": 8, "max_nodes": 3},
}
DATA = {"mounts": [{"path": "/data", "volume": "data"}]}
VOLUMES: Json = {"data": {"size_gib": 10}}


def service(**fields: Any) -> Json:
    container = {"image": "registry.example.org/web:1.0.0", "port": 8080, "ready_path": "/ok"}
    return {"runtime": {"container": container}, "pool": "system", "surge": 0, **fields}


def job(**fields: Any) -> Json:
    return {"image": "registry.example.org/fit:1.0.0", "pool": "system", **fields}


def said(
    workspace: Json, *, cluster: Json = EKS, pools: Json | None = None, further: Json | None = None, **others: Json
) -> list[str]:
    """What is said of a stack with this workspace, `w`, and others, and with further blocks."""
    written = {
        "cluster": cluster,
        "pools": {**POOLS, **(pools or {})},
        "platform": {"gateway": {"hostname": "models.example.org"}},
        "workspaces": {"w": workspace, **others},
        **(further or {}),
    }
    try:
        load_stack(json.dumps(written))
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


class TestVolumesThatAServiceHolds:
    HOLDER = service(pool="l4", gpus=1, **DATA)

    def said_of(self, volumes: Json = VOLUMES, cluster: Json = EKS, pools: Json | None = None, **w: Any) -> list[str]:
        return said({"volumes": volumes, **w}, cluster=cluster, pools=pools)

    def test_two_services_on_two_pools_are_refused(self) -> None:
        (problem,) = self.said_of(services={"a": self.HOLDER, "b": service(**DATA)})
        assert problem == (
            "workspaces.w.services.b.mounts[0].volume: volume data can be on one node at a time, and services.a holds "
            "it on pool l4: pods on pool system would wait for it for ever; set shared: true on volume data, or run "
            "both on one pool, of one node"
        )
        assert self.said_of(services={"a": service(**DATA), "b": service(**DATA)}) == []
        shared = {"data": {"size_gib": 10, "shared": True}}
        assert self.said_of(shared, services={"a": self.HOLDER, "b": service(**DATA)}) == []

    def test_a_scheduled_job_on_another_pool_is_refused(self) -> None:
        nightly = {"schedule": "@daily", **DATA}
        (problem,) = self.said_of(services={"a": self.HOLDER}, jobs={"n": job(**nightly)})
        assert problem.startswith("workspaces.w.jobs.n.mounts[0].volume: volume data can be on one node at a time")
        assert self.said_of(services={"a": self.HOLDER}, jobs={"n": job(pool="l4", gpus=1, **nightly)}) == []
        # Two of them wait for one another's end.
        assert self.said_of(jobs={"n": job(**nightly), "m": job(pool="big", **nightly)}) == []

    def test_what_runs_once_passes(self) -> None:
        written = {"artifact": {"volume": "data", "folder": "fit"}, "await_completion": True}
        reader = service(pool="l4", gpus=1, model={"artifact": "fit"})
        tuned = {"tune": job(pool="h100", gpus_per_node=8, model={"artifact": "fit"}, **DATA)}
        assert self.said_of(services={"a": reader}, jobs={"fit": job(**written)}, training=tuned) == []

    def test_a_model_and_a_cache_count(self) -> None:
        pools = {"l4": {"accelerator": "l4", "max_nodes": 1}}
        model = {"huggingface": "a/b", "revision": "a09a354", "cache": {"volume": "data"}}
        cached: Json = {"model": model, "runtime": {"vllm": {}}, "pool": "l4", "gpus": 1, "surge": 0}
        reader = service(model={"volume": "data"})
        (problem,) = self.said_of(pools=pools, services={"a": reader, "b": cached})
        assert problem.startswith("workspaces.w.services.b.model.cache.volume: ")
        (problem,) = self.said_of(pools=pools, services={"b": cached, "c": reader})
        assert problem.startswith("workspaces.w.services.c.model.volume: ")
        assert self.said_of(pools=pools, services={"b": cached}) == []

    def test_a_version_of_a_service_counts(self) -> None:
        volumes = {**VOLUMES, "old": {"size_gib": 10}}
        canary = {"canary": {"model": {"volume": "data"}, "pool": "big"}}
        beside = service(model={"volume": "old"}, route={}, release=canary)
        (problem,) = self.said_of(volumes, services={"a": service(**DATA), "b": beside})
        assert problem.startswith("workspaces.w.services.b.release.canary.model.volume: volume data can be on one")
        assert self.said_of(volumes, services={"b": beside, "c": service(pool="big", **DATA)}) == []

    def test_pools_that_may_have_one_node_pass(self) -> None:
        both = {"a": service(**DATA), "b": service(pool="big", **DATA)}
        assert len(self.said_of(services=both)) == 1
        # One node of this machine is of all pools without accelerators.
        assert self.said_of(cluster=HOST, services=both) == []
        assert len(self.said_of(cluster=HOST, services={"a": self.HOLDER, "b": service(**DATA)})) == 1

    @pytest.mark.parametrize(
        ("labels", "others", "problems"),
        [
            ({"kind": "system"}, {"kind": "big"}, 1),
            ({"kind": "system"}, {"rack": "one"}, 0),
            ({"kind": "system"}, {"kind": "system", "rack": "one"}, 0),
            (None, None, 1),
            (None, {"rack": "one"}, 0),
        ],
    )
    def test_nodes_that_exist_are_told_apart_by_labels(
        self, labels: Json | None, others: Json | None, problems: int
    ) -> None:
        pools = {
            name: {**POOLS[name], **({"node_labels": given} if given else {})}
            for name, given in (("system", labels), ("big", others))
        }
        both = {"a": service(**DATA), "b": service(pool="big", **DATA)}
        assert len(self.said_of(cluster={"existing": {"context": "on-prem"}}, pools=pools, services=both)) == problems

    def test_volumes_of_the_companion_are_others(self) -> None:
        pools = {
            name: {"accelerator": "h100", "gpus_per_node": 8, "fabric": "rdma", "max_nodes": 2} for name in ("x", "y")
        }
        wide = {"vllm": {"tensor_parallel": 8, "pipeline_parallel": 2}}
        on_fabric = {"model": {"volume": "data"}, "runtime": wide, "surge": 0}
        w: Json = {"services": {"a": service(**DATA), "b": {**on_fabric, "pool": "x"}}}
        inside = {"volumes": {"data": {"size_gib": 10, "shared": True}}}
        assert self.said_of(pools=pools, fabric=inside, **w) == []


class TestQuotas:
    GPU = service(pool="l4", gpus=1)
    WIDE = job(pool="h100", nodes=2, gpus_per_node=8)

    @pytest.mark.parametrize(
        ("quota", "workloads", "problem", "enough"),
        [
            (
                {"gpus": 0},
                {"services": {"a": GPU}},
                (
                    "gpus: services.a asks for 1 nvidia.com/gpu at once, and it allows 0; raise it, or lower what that "
                    "asks for"
                ),
                {"gpus": 1},
            ),
            (
                {"cpus": 15},
                {"services": {"a": service(cpus=8, replicas=2)}},
                "cpus: services.a asks for 16 vCPUs at once, and it allows 15; raise it, or lower what that asks for",
                {"cpus": 16},
            ),
            (
                {"memory_gib": 1},
                {"jobs": {"fit": job()}},
                "memory_gib: jobs.fit asks for 2 GiB at once, and it allows 1; raise it, or lower what that asks for",
                {"memory_gib": 2},
            ),
            (
                {"gpus": 8},
                {"training": {"tune": WIDE}},
                (
                    "gpus: training.tune asks for 16 nvidia.com/gpu at once, and it allows 8; raise it, or lower what "
                    "that asks for"
                ),
                {"gpus": 16},
            ),
            (
                {"gpus": 1},
                {"services": {"a": {**GPU, "surge": 1}}},
                (
                    "gpus: services.a asks for 1 nvidia.com/gpu, and for 1 more during an update, and it allows 1; "
                    "raise it, or set surge: 0 there"
                ),
                {"gpus": 2},
            ),
            (
                {"gpus": 3},
                {"services": {"a": {**GPU, "replicas": 2}, "b": {**GPU, "pool": "h100", "gpus": 2}}},
                (
                    "gpus: services.a, services.b ask for 4 nvidia.com/gpu at all times, and it allows 3; raise it, or "
                    "lower what they ask for"
                ),
                {"gpus": 4},
            ),
            (
                {"gpus": 2},
                {"services": {"a": GPU, "b": {**GPU, "surge": 1}}},
                (
                    "gpus: services.a, services.b ask for 2 nvidia.com/gpu at all times, and an update of one for 1 "
                    "more, and it allows 2; raise it, or set surge: 0 there"
                ),
                {"gpus": 3},
            ),
        ],
    )
    def test_what_a_workload_needs_at_once_counts(
        self, quota: Json, workloads: Json, problem: str, enough: Json
    ) -> None:
        assert said({"quota": quota, **workloads}) == [f"workspaces.w.quota.{problem}"]
        assert said({"quota": enough, **workloads}) == []

    def test_what_may_wait_does_not(self) -> None:
        many = job(cpus=4, completions=8, parallelism=8)
        assert said({"quota": {"cpus": 4}, "jobs": {"a": many, "b": many}, "services": {"c": service()}}) == []
        assert said({"quota": {"gpus": 16}, "training": {"a": self.WIDE, "b": self.WIDE}}) == []
        assert (
            said(
                {
                    "quota": {"gpus": 1},
                    "services": {"a": {**self.GPU, "autoscaling": {"max_replicas": 3, "target": {"cpu_percent": 60}}}},
                }
            )
            == []
        )

    def test_spare_room_and_versions_count(self) -> None:
        kept = {**self.GPU, "spare_replicas": 1}
        assert len(said({"quota": {"gpus": 1}, "services": {"a": kept}})) == 1
        assert said({"quota": {"gpus": 2}, "services": {"a": kept}}) == []
        green = {**self.GPU, "release": {"blue_green": {"green": {"env": {"A": "b"}}}}}
        assert len(said({"quota": {"gpus": 1}, "services": {"a": green}})) == 1
        assert said({"quota": {"gpus": 2}, "services": {"a": green}}) == []

    def test_an_automatic_release_has_both_versions_at_full_size(self) -> None:
        steps = {"automatic": {"steps": [{"weight_percent": 10, "pause_seconds": 60}]}}
        released = service(cpus=2, replicas=3, surge=1, route={}, release=steps)
        (problem,) = said({"quota": {"cpus": 11}, "services": {"a": released}})
        assert problem == (
            "workspaces.w.quota.cpus: services.a asks for 6 vCPUs, and for 6 more during an update, and it allows 11; "
            "raise it, or leave release.automatic out"
        )
        assert said({"quota": {"cpus": 12}, "services": {"a": released}}) == []

    def test_a_service_at_zero_needs_room_for_one(self) -> None:
        schedule = {"start": "0 8 * * *", "end": "0 18 * * *", "replicas": 1}
        asleep: Json = {"min_replicas": 0, "max_replicas": 2, "schedules": [schedule]}
        sleeping = {**self.GPU, "autoscaling": asleep, "surge": 1}
        w: Json = {"services": {"a": sleeping, "b": self.GPU}}
        metrics: Json = {"observability": {"metrics": {}}}
        assert len(said({"quota": {"gpus": 0}, **w}, further=metrics)) == 2
        assert said({"quota": {"gpus": 1}, **w}, further=metrics) == []

    def test_slices_count_by_their_profile(self) -> None:
        pools = {"mig": {"accelerator": "h100", "gpus_per_node": 8, "sharing": {"mig": "1g.10gb"}, "max_nodes": 2}}
        sliced = service(pool="mig", gpus={"mig": "1g.10gb"}, replicas=8)
        (problem,) = said({"quota": {"gpus": 1}, "services": {"a": sliced}}, pools=pools)
        assert "asks for 8 nvidia.com/mig-1g.10gb at once, and it allows 7" in problem
        assert said({"quota": {"gpus": 2}, "services": {"a": sliced}}, pools=pools) == []

    def test_the_companion_has_a_quota_of_its_own(self) -> None:
        pools = {"x": {"accelerator": "h100", "gpus_per_node": 8, "fabric": "rdma", "max_nodes": 2}}
        tune = {"training": {"tune": {**self.WIDE, "pool": "x"}}}
        (problem,) = said({"quota": {"gpus": 0}, "fabric": {"quota": {"gpus": 8}}, **tune}, pools=pools)
        assert problem.startswith("workspaces.w.fabric.quota.gpus: training.tune asks for 16 nvidia.com/gpu")
        assert said({"quota": {"gpus": 0}, "fabric": {}, **tune}, pools=pools) == []

    def test_the_share_of_a_node_counts_where_nothing_is_said(self) -> None:
        (problem,) = said({"quota": {"cpus": 1}, "services": {"a": self.GPU}})
        assert problem.startswith("workspaces.w.quota.cpus: services.a asks for ")


class TestPoolsThatServicesFill:
    GPU = service(pool="l4", gpus=1)
    A, B = "workspaces.w.services.a", "workspaces.w.services.b"

    def test_services_that_exceed_the_pool_together_are_refused(self) -> None:
        two = {**self.GPU, "replicas": 2}
        (problem,) = said({"services": {"a": two, "b": two}})
        assert problem == (
            f"pools.l4.max_nodes: 3 allows 3 nvidia.com/gpu, and services ask for 4 at all times ({self.A} for 2, "
            f"{self.B} for 2); raise it to 4, or give some fewer replicas"
        )
        assert said({"services": {"a": two, "b": self.GPU}}) == []
        assert said({"services": {"a": two, "b": two}}, pools={"l4": {"accelerator": "l4", "max_nodes": 4}}) == []
        # Whose they are makes no difference.
        assert len(said({"services": {"a": two}}, x={"services": {"a": two}})) == 1

    def test_what_may_be_less_passes(self) -> None:
        growing = {**self.GPU, "autoscaling": {"max_replicas": 3, "target": {"cpu_percent": 60}}}
        wide = job(pool="l4", nodes=3, gpus_per_node=1)
        w: Json = {"services": {"a": growing, "b": growing, "c": {**growing, "spare_replicas": 2}}}
        assert said({**w, "training": {"t": wide}}) == []

    def test_pools_without_gpus_pass(self) -> None:
        assert said({"services": {"a": service(cpus=10, replicas=4), "b": service(cpus=10)}}) == []

    def test_nodes_that_exist_are_not_counted(self) -> None:
        two = {**self.GPU, "replicas": 2}
        exists = {"existing": {"context": "on-prem"}}
        assert said({"services": {"a": two, "b": two}}, cluster=exists) == []
        assert len(said({"services": {"a": two, "b": two}}, cluster={"local": {"engine": "kwok"}})) == 1

    def test_parts_of_nodes_count_as_parts(self) -> None:
        half = service(pool="h100", gpus=4, replicas=3)
        assert said({"services": {"a": half, "b": half}}) == []
        (problem,) = said({"services": {"a": half, "b": {**half, "replicas": 4}}})
        assert problem.endswith("raise it to 4, or give some fewer replicas")

    def test_shares_and_slices_count_by_themselves(self) -> None:
        pools = {
            "turns": {"accelerator": "l4", "sharing": {"time_slicing": {"replicas": 4}}, "max_nodes": 1},
            "mig": {"accelerator": "h100", "gpus_per_node": 1, "sharing": {"mig": "1g.10gb"}, "max_nodes": 1},
        }
        turns = service(pool="turns", gpus=1, replicas=2)
        sliced = service(pool="mig", gpus={"mig": "1g.10gb"}, replicas=4)
        three = {**sliced, "replicas": 3}
        assert said({"services": {"a": turns, "b": turns, "c": sliced, "d": three}}, pools=pools) == []
        (problem,) = said({"services": {"a": sliced, "b": sliced}}, pools=pools)
        assert problem.startswith("pools.mig.max_nodes: 1 allows 7 nvidia.com/mig-1g.10gb, and services ask for 8")

    def test_services_with_problems_of_their_own_are_not_counted(self) -> None:
        two = {**self.GPU, "replicas": 2}
        (problem,) = said({"services": {"a": two, "b": {**two, "env_from_secrets": {"A": "none"}}}})
        assert problem.startswith("workspaces.w.services.b.env_from_secrets.A")


OWN: Json = {"accelerator": "h100", "gpus_per_node": 8, "disk_gib": 200}


class TestModelsOnANodesDisk:
    def said_of(self, pool: Json, *, cluster: Json = AKS, size_gib: float = 175, **model: Any) -> list[str]:
        given = {"huggingface": "a/b", "revision": "a09a354", "size_gib": size_gib, **model}
        container = {"image": "registry.example.org/web:1.0.0", "port": 8080, "ready_path": "/ok"}
        gpus = 8 if "accelerator" in pool else 0
        own = {"model": given, "runtime": {"container": container}, "pool": "own", "gpus": gpus, "surge": 0}
        written = {
            "cluster": cluster,
            "pools": {"system": POOLS["system"], "own": pool},
            "workspaces": {"w": {"volumes": {"models": {"size_gib": 1000, "shared": True}}, "services": {"a": own}}},
        }
        try:
            load_stack(json.dumps(written))
        except ConfigError as error:
            return [str(problem) for problem in error.problems]
        return []

    def test_a_model_larger_than_the_disk_is_refused(self) -> None:
        (problem,) = self.said_of(OWN)
        assert problem == (
            "workspaces.w.services.a.model.size_gib: 175 GiB and an image have no room on the disk of 200 GiB of a "
            "node of pool own, which each pod downloads it to; set disk_gib: 206 or more on the pool, or keep the "
            "model on a cache"
        )
        assert self.said_of({**OWN, "disk_gib": 206}) == []
        assert self.said_of(OWN, size_gib=170) == []
        assert self.said_of(OWN, cache={"volume": "models"}) == []

    @pytest.mark.parametrize("cluster", [EKS, GKE])
    def test_the_usual_disk_of_a_cloud_counts(self, cluster: Json) -> None:
        pool = {"cpus": 16, "memory_gib": 64}
        (problem,) = self.said_of(pool, cluster=cluster, size_gib=90)
        assert "on the disk of 100 GiB of a node of pool own" in problem
        assert self.said_of(pool, cluster=cluster, size_gib=80) == []
        assert self.said_of({**pool, "disk_gib": 120}, cluster=cluster, size_gib=90) == []

    def test_disks_that_are_not_known_pass(self) -> None:
        usual = {"accelerator": "h100", "gpus_per_node": 8}
        assert self.said_of(usual, size_gib=300) == [], "what AKS gives"
        assert self.said_of({**usual, "disk_gib": 100}, cluster=EKS) == [], "the machine has disks of its own"
        unknown = {**usual, "machine_type": "p9.48xlarge", "cpus": 96, "memory_gib": 900, "disk_gib": 100}
        assert self.said_of(unknown, cluster=EKS) == [], "the machine may have some"
        assert self.said_of(OWN, cluster=HOST) == [], "nobody makes the nodes"
