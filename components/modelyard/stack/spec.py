"""The whole stack as a user writes it, and the rules that need more than one of its blocks."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, cast

from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
from modelyard.cluster.clouds import cloud_pool_problems, scratch_disk_gib
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.object_store_rules import AZURE_FORMER_VERSIONS_DAYS_MAX, WITHOUT_CLOUD
from modelyard.cluster.pools import Pool, resolve_pools
from modelyard.cluster.spec import ClusterSpec, PoolSpec
from modelyard.errors import ConfigError, Problem, join_path, show
from modelyard.kube.names import logical_name, name_problems
from modelyard.observability.spec import ObservabilitySpec
from modelyard.platform.queues_rules import Queue, queue_problems, resolve_queues, unknown_queues
from modelyard.platform.spec import PlatformSpec
from modelyard.serving.automatic_rules import automatic_stack_problems, track_names
from modelyard.serving.autoscaling_rules import stack_problems
from modelyard.serving.kserve_rules import namespace_problems, stack_kserve_problems
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.variants import variant_name_problems
from modelyard.spec import Name, OneOf, load_json, rule_problems, spec
from modelyard.stack.gateway_rules import gateway_problems
from modelyard.stack.workload_rules import (
    crowded_pool_problems,
    disk_problems,
    held_volume_problems,
    quota_problems,
)
from modelyard.workspace.object_store_rules import object_store_problems
from modelyard.workspace.place import WrittenArtifact
from modelyard.workspace.spec import (
    WorkspaceSpec,
    fabric_namespace,
    secret_problems,
    volume_problems,
    workspace_name_problems,
)
from modelyard.workspace.workload_spec import WorkloadSpec

STACK_KEY = "stack"
"""The config key, below `modelyard:`, that holds the stack."""
_WHOLE = f"modelyard:{STACK_KEY}"
_NO_VALUE, _NO_VALUE_FIX = "has no value", "write {} for a block with its defaults, or leave the key out"
OWN_KEY_FIX = "give it a key of its own (pulumi config set --secret modelyard:NAME) and write {from: config/NAME}"
"""What to do about a secret inside the stack."""


def _job_class(job: Any) -> type[BatchJobSpec] | type[ScheduledJobSpec]:
    scheduled = "schedule" in job if isinstance(job, Mapping) else isinstance(job, ScheduledJobSpec)
    return ScheduledJobSpec if scheduled else BatchJobSpec


Job = Annotated[BatchJobSpec | ScheduledJobSpec, OneOf(_job_class, (BatchJobSpec, ScheduledJobSpec))]
"""A job that runs once, or on a `schedule`."""


@spec
class WorkspaceStackSpec(WorkspaceSpec):
    """A team's namespace with what runs in it."""

    services: Mapping[Name, ModelServiceSpec] = field(default_factory=dict[str, ModelServiceSpec])
    """Model services by name. The name is the DNS name within the namespace."""
    jobs: Mapping[Name, Job] = field(default_factory=dict[str, BatchJobSpec | ScheduledJobSpec])
    """Batch jobs by name; one with a `schedule` runs again and again."""
    training: Mapping[Name, TrainingJobSpec] = field(default_factory=dict[str, TrainingJobSpec])
    """Training jobs by name, on one or more nodes."""

    def workloads(self) -> Iterator[tuple[str, str, WorkloadSpec]]:
        """Block, name and spec of everything that runs here."""
        for block in ("services", "jobs", "training"):
            for name, workload in getattr(self, block).items():
                yield block, name, workload

    def named(self) -> Iterator[tuple[str, str, str]]:
        """Kind, name and path of everything in it. Names must differ within a kind; all workloads are one."""
        for block, name, _ in self.workloads():
            yield "workloads", name, f"{block}.{name}"
        for name, service in self.services.items():
            for variant in service.parts:
                if variant.service_suffix:
                    block = "prefill" if variant.role == "prefill" else "release"
                    yield "workloads", variant.name_of(name), f"services.{name}.{block}"
            for track in track_names(name, service):
                yield "workloads", track, f"services.{name}.release.automatic"
            if service.spare_replicas:
                yield "workloads", f"{name}-spare", f"services.{name}.spare_replicas"
        for block in ("secrets", "config", "volumes", "object_stores"):
            for name in getattr(self, block):
                yield block, name, f"{block}.{name}"

    def in_order(self) -> list[str]:
        """The names of its jobs and trainings, each after the one whose artifact it reads.

        Raises:
            CycleError: there is no such order.
        """
        tasks = {**self.jobs, **self.training}
        reads = {name: [task.artifact_read] if task.artifact_read in tasks else [] for name, task in tasks.items()}
        return list(TopologicalSorter(reads).static_order())


@spec
class StackSpec:
    """A cluster, its pools and everything that runs on them."""

    cluster: ClusterSpec
    """Where it runs."""
    pools: Mapping[Name, PoolSpec] = field(default_factory=dict[str, PoolSpec])
    """Groups of equal nodes by name."""
    platform: PlatformSpec = field(default_factory=PlatformSpec)
    """What the cluster needs before workloads."""
    observability: ObservabilitySpec = field(default_factory=ObservabilitySpec)
    """Metrics and alerts."""
    workspaces: Mapping[Name, WorkspaceStackSpec] = field(default_factory=dict[str, WorkspaceStackSpec])
    """Namespaces by name, each with its quota, rules and workloads."""

    def problems(self) -> Iterable[Problem]:
        """Pools against the cluster, workloads against pools, secrets and names."""
        source = NodeSource.of_stack(self.cluster)
        sound = {name: pool for name, pool in self.pools.items() if not rule_problems(pool)}
        refused = list(source.pool_problems(sound))
        yield from (problem.under("pools") for problem in [*refused, *self._cloud_problems(sound)])
        broken = {problem.path.partition(".")[0] for problem in refused}
        had = resolve_pools(source, {name: pool for name, pool in sound.items() if name not in broken})
        yield from self._queue_problems(had)
        yield from self._workload_problems(had)
        services = self.services
        yield from gateway_problems(self.platform.gateway, self.cluster, services)
        has_metrics = self.observability.metrics is not None
        for path, service in services.items():
            missing = stack_kserve_problems(service, is_present=self.platform.kserve_present)
            yield from (problem.under(path) for problem in missing)
            for rule in (stack_problems, automatic_stack_problems):
                found = rule(service, has_metrics=has_metrics, gateway=self.platform.gateway)
                yield from (problem.under(path) for problem in found)

    def _cloud_problems(self, sound: Mapping[str, PoolSpec]) -> Iterator[Problem]:
        """Rules of the cloud for all pools together, once each is valid; paths are below `pools`."""
        cloud = self.cluster.cloud
        if cloud and len(sound) == len(self.pools) and not rule_problems(cloud):
            yield from cloud_pool_problems(self.cluster, sound)

    def _queue_problems(self, sound: Mapping[str, Pool]) -> Iterator[Problem]:
        if not any(rule_problems(queue) for queue in self.platform.queues.values()):
            found = queue_problems(self.platform.queues, sound, self.pools)
            yield from (problem.under("platform.queues") for problem in found)

    def _workload_problems(self, sound: Mapping[str, Pool]) -> Iterator[Problem]:
        queues = resolve_queues(self.platform.queues, sound)
        found = [
            problem.under(f"workspaces.{name}")
            for name, workspace in self.workspaces.items()
            for problem in self._workspace_problems(name, workspace, sound, queues)
        ]
        yield from found
        fine = {
            path: service
            for path, service in self.services.items()
            if service.pool in sound
            and not rule_problems(service)
            and not any(_within(problem.path, path) for problem in found)
        }
        # Of pools whose nodes exist already nobody says how far they grow.
        if not self.cluster.existing:
            yield from (problem.under("pools") for problem in crowded_pool_problems(fine, sound))
        disks_gib = {name: size for name, pool in sound.items() if (size := scratch_disk_gib(self.cluster, pool))}
        yield from disk_problems(fine, disks_gib)
        yield from self._mps_problems(sound)
        yield from self._twin_problems()

    def _workspace_problems(
        self, name: str, workspace: WorkspaceStackSpec, sound: Mapping[str, Pool], queues: Mapping[str, Queue]
    ) -> Iterator[Problem]:
        yield from workspace_name_problems(name)
        yield from unknown_queues(workspace.queues, queues)
        existing, cloud = self.cluster.existing, self.cluster.cloud
        if existing or cloud:
            shared = bool(existing and existing.shared_storage_class)
            shared = shared or bool(cloud and cloud.shared_storage is not False)
            most = cloud.shared_volume_gib_max if cloud else None
            yield from volume_problems(workspace, shared_available=shared, shared_gib_max=most)
        yield from object_store_problems(
            name,
            workspace,
            unsupported={} if cloud else WITHOUT_CLOUD,
            former_versions_days_max=AZURE_FORMER_VERSIONS_DAYS_MAX if self.cluster.aks else None,
        )
        written = {
            key: WrittenArtifact(volume=each.artifact_written.volume, is_awaited=each.is_awaited)
            for _, key, each in workspace.workloads()
            if each.artifact_written
        }
        place = workspace.place(sound, written, queues, self.platform.priorities)
        fine: dict[str, WorkloadSpec] = {}
        for block, workload_name, workload in workspace.workloads():
            found = [*name_problems(name, workload_name), *workload.container_name_problems(workload_name)]
            if isinstance(workload, ModelServiceSpec):
                found += variant_name_problems(name, workload_name, workload)
                found += namespace_problems(workload, name)
            if workload.pool in sound or workload.pool not in self.pools:
                found += workload.problems_on(place)
            yield from (problem.under(f"{block}.{workload_name}") for problem in found)
            if workload.pool in sound and not found and not rule_problems(workload):
                fine[f"{block}.{workload_name}"] = workload
        yield from held_volume_problems(fine, place, NodeSource.of_stack(self.cluster))
        yield from quota_problems(workspace, fine, sound)
        try:
            workspace.in_order()
        except CycleError as error:
            circle: list[str] = error.args[1]
            why = f"each waits for the next: {' reads '.join(circle)}"
            yield Problem(path="jobs", why=why, fix="let one of them read no artifact of another")

    def _mps_problems(self, sound: Mapping[str, Pool]) -> Iterator[Problem]:
        """Workloads of different users on one pool whose GPUs are shared by MPS. Its server works for one user at a
        time: another's waits until the first has ended. https://man.archlinux.org/man/nvidia-cuda-mps-control.1"""
        first: dict[str, tuple[str, int]] = {}
        for name, workspace in self.workspaces.items():
            for block, key, workload in workspace.workloads():
                pool = sound.get(workload.pool)
                if not pool or not pool.gpu or pool.gpu.sharing_kind != "mps":
                    continue
                path, user = f"workspaces.{name}.{block}.{key}", workload.run_as
                other, its_user = first.setdefault(pool.name, (path, user))
                if user != its_user:
                    why = f"runs as user {user} on pool {pool.name}, where {other} runs as {its_user}: MPS serves one"
                    fix = f"set user_id: {its_user}, or use another pool"
                    yield Problem(path=f"{path}.user_id", why=f"{why} user at a time", fix=fix)

    @property
    def has_groups(self) -> bool:
        """Whether a service goes over several nodes."""
        return any(variant.spec.spans_nodes for each in self.services.values() for variant in each.variants)

    @property
    def services(self) -> Mapping[str, ModelServiceSpec]:
        """All services of all workspaces, by their paths: `workspaces.chat.services.assistant`."""
        return {
            f"workspaces.{workspace}.services.{name}": service
            for workspace, each in self.workspaces.items()
            for name, service in each.services.items()
        }

    def _twin_problems(self) -> Iterator[Problem]:
        """Two of a kind, even of two workspaces, from which the same names would be made."""
        for name, workspace in self.workspaces.items():
            companion = fabric_namespace(name)
            if workspace.fabric and companion in self.workspaces:
                why = f"would make the namespace {companion}, which is a workspace"
                yield Problem(path=f"workspaces.{name}.fabric", why=why, fix="rename one of the two workspaces")
        first: dict[tuple[str, str], str] = {}
        for workspace_name, workspace in self.workspaces.items():
            for kind, name, inner in workspace.named():
                made, path = logical_name(workspace_name, name), f"workspaces.{workspace_name}.{inner}"
                twin = first.get((kind, made))
                first.setdefault((kind, made), path)
                if twin:
                    yield Problem(path=path, why=f"would be named {made}, as {twin} is", fix="rename one of them")


def load_stack(text: str | None) -> StackSpec:
    """The stack in the text of the key `modelyard:stack`: JSON, or what else a program gets of it.

    Raises:
        ConfigError: with every problem found.
    """
    if text is None:
        fix = "add it under config: in the stack's file; `modelyard schema` describes it"
        raise ConfigError(Problem(path=_WHOLE, why="is missing", fix=fix))
    if not text:
        raise ConfigError(Problem(path=_WHOLE, why=_NO_VALUE, fix=_NO_VALUE_FIX))
    try:
        found = list(_json_problems(json.loads(text), ""))
    except (ValueError, RecursionError):
        what = "a mapping of keys to values"
        raise ConfigError(Problem(path=_WHOLE, why=f"{show(text)} is not {what}", fix=f"write {what}")) from None
    try:
        stack = load_json(StackSpec, text)
    except ConfigError as error:
        covered = [problem.path for problem in found]
        found += (problem for problem in error.problems if not any(_within(problem.path, path) for path in covered))
        stack = None
    if found or not stack:
        raise ConfigError(replace(problem, path=problem.path or _WHOLE) for problem in found)
    return stack


def _within(path: str, outer: str) -> bool:
    return not outer or path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _json_problems(value: Any, path: str) -> Iterator[Problem]:
    """What is wrong whatever the key: a key without a value, and a secret."""
    if value is None:
        yield Problem(path=path, why=_NO_VALUE, fix=_NO_VALUE_FIX)
    elif isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        if items.keys() == {"secure"}:
            why = "is a secret, which would end in clear text in the state"
            yield Problem(path=path, why=why, fix=OWN_KEY_FIX)
            return
        for key, child in items.items():
            yield from _json_problems(child, join_path(path, key))
    elif isinstance(value, list):
        for index, child in enumerate(cast("list[Any]", value)):
            yield from _json_problems(child, join_path(path, f"[{index}]"))


def missing_secrets(stack: StackSpec, keys: Mapping[str, bool]) -> Iterator[Problem]:
    """Secrets whose key is missing or in clear text.

    Args:
        stack: a valid stack.
        keys: the keys that exist, without `modelyard:`, and whether each is encrypted.
    """
    for name, workspace in stack.workspaces.items():
        for problem in secret_problems(workspace.secrets, keys):
            yield problem.under(f"workspaces.{name}")
