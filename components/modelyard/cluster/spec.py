"""What a user writes of a cluster and its pools."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import PurePosixPath
from typing import Annotated, Literal

from modelyard.errors import Problem, show
from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.machine_types import machine_types, sizes, smallest
from modelyard.kube.images import is_repository
from modelyard.spec import Amount, Count, CountOrZero, Filled, Name, Rule, exactly_one, spec
from modelyard.versions import KUBERNETES

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_LABEL_WORD = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = rf"([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*/)?{_LABEL_WORD}"


def _check_label_key(text: str) -> tuple[str, str] | None:
    if re.fullmatch(_LABEL_KEY, text):
        return None
    return f"{show(text)} is no key of a label", "write one like team or example.org/team"


def _check_label_value(text: str) -> tuple[str, str] | None:
    if not text or re.fullmatch(_LABEL_WORD, text):
        return None
    return f"{show(text)} is no value of a label", "use up to 63 letters, digits, dots, dashes and underscores"


LabelKey = Annotated[str, Rule(_check_label_key, {"pattern": f"^{_LABEL_KEY}$"})]
"""The key of a label or a taint: `team`, `example.org/team`."""
LabelValue = Annotated[str, Rule(_check_label_value, {"pattern": f"^({_LABEL_WORD})?$"})]
"""The value of a label or a taint; empty is allowed."""


def _check_version(text: str) -> tuple[str, str] | None:
    if text in KUBERNETES:
        return None
    return f"{show(text)} is not a supported Kubernetes version", f"use one of {', '.join(KUBERNETES)}"


KubernetesVersion = Annotated[str, Rule(_check_version, {"enum": list(KUBERNETES)})]
"""A Kubernetes minor version in quotes, `"1.35"`: without quotes it is a number, and 1.30 would be 1.3."""


def _check_repository(text: str) -> tuple[str, str] | None:
    if is_repository(text):
        return None
    fix = "write the image of the workload without its version: registry.example.org/team/name"
    return f"{show(text)} is no repository with its registry", fix


Repository = Annotated[str, Rule(_check_repository)]
"""Registry and path of an image, without tag or digest."""


def _check_inside(text: str) -> tuple[str, str] | None:
    path = PurePosixPath(text)
    if text and not path.is_absolute() and ".." not in path.parts:
        return None
    return f"{show(text)} is not a path inside context", "name a file in context, relative to it"


@spec
class ImageBuildSpec:
    """What an image is built from."""

    context: Filled
    """The folder that the Dockerfile's paths are in. Relative to where the stack's program stands."""
    dockerfile: Annotated[str, Rule(_check_inside)] = "Dockerfile"
    """The Dockerfile, relative to `context`."""


@spec
class LocalSpec:
    """A cluster on this machine, made and removed with the stack.

    It has a real API server, scheduler and controller manager. Pools that the machine cannot really have are simulated
    nodes: pods are scheduled on them and shown as running, but no container runs.
    """

    engine: Literal["auto", "kind", "host", "kwok"] = "auto"
    """`kind` runs a node in Docker; `host` runs one on this machine itself, as root on Linux; `kwok` simulates all
    nodes and needs neither. `auto` takes kind where Docker answers, else host where a container can be started,
    otherwise kwok; the choice is kept for the stack until it is destroyed."""
    kubernetes_version: KubernetesVersion = next(iter(KUBERNETES))
    """Minor version of the control plane, in quotes."""
    crds: Filled | None = None
    """A folder of CustomResourceDefinitions (YAML files, also in subfolders) to register in place of the permissive
    ones that stand for operators which are not installed. Relative to where the stack's program stands."""
    charts: bool | None = None
    """Install operators from their Helm charts. Left out: yes on kind; no on kwok, where nothing would run, and on
    host, which is as small as the machine, so that only their kinds are registered."""
    images: Mapping[Repository, ImageBuildSpec] = field(default_factory=dict[str, ImageBuildSpec])
    """What builds an image, by its repository. Workloads whose image is of that repository, whatever its version, run
    the image built here instead, whose tag follows from the content of its sources. Built and loaded without a
    registry where containers run; where nodes are simulated, only the tag is used."""


@spec
class ExistingSpec:
    """A cluster that exists already, on premises or anywhere. Nothing of it is created, changed or deleted.

    Its pools are described, not made: each is found by its `node_labels`.
    """

    context: Filled
    """The context of the kubeconfig. Required, so that a changed current context never leads to another cluster."""
    kubeconfig: Filled = "~/.kube/config"
    """Path of the kubeconfig file; `~` is the home folder."""
    storage_class: Filled | None = None
    """StorageClass for volumes that one node mounts. Left out: the cluster's default."""
    shared_storage_class: Filled | None = None
    """StorageClass for volumes that several nodes mount (ReadWriteMany). Left out: there is none."""
    load_balancer: bool = True
    """Whether Services of type LoadBalancer get an address."""
    network_policy: bool = True
    """Whether the network plugin enforces NetworkPolicy. The policies are made in any case."""
    metrics_api: bool = True
    """Whether metrics-server or its like serves `metrics.k8s.io`; autoscaling by CPU or memory needs it."""


@spec
class ClusterSpec:
    """Where the stack runs: exactly one of the blocks."""

    local: LocalSpec | None = None
    """A cluster on this machine."""
    existing: ExistingSpec | None = None
    """A cluster that exists, by kubeconfig."""

    def problems(self) -> Iterable[Problem]:
        """Exactly one block."""
        return exactly_one(self, "local", "existing")


@spec
class TaintSpec:
    """A taint that the pool's nodes carry; the pool's workloads tolerate it."""

    key: LabelKey
    """For example `dedicated`."""
    value: LabelValue = ""
    """For example `training`."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"
    """What it does to pods that do not tolerate it."""


@spec
class PoolSpec:
    """A group of equal nodes.

    Its size is given in one of three ways: an `accelerator` (the machine type follows from it and `gpus_per_node`), a
    `machine_type`, or neutral `cpus` and `memory_gib`. The last two also describe a machine newer than our table.
    """

    accelerator: Filled | None = None
    """For example `l4`, `h100`, `a100-80gb`. Left out: a pool without accelerators."""
    gpus_per_node: Count | None = None
    """Accelerators on each node. Left out: what the machine type has, otherwise 1. Only with `accelerator`."""
    machine_type: Filled | None = None
    """A cloud's own name of the machine. Left out: the smallest that fits the other fields."""
    cpus: Amount | None = None
    """vCPUs of a node. Left out: the machine type's."""
    memory_gib: Amount | None = None
    """Memory of a node, GiB. Left out: the machine type's."""
    min_nodes: CountOrZero = 0
    """The pool never shrinks below this."""
    max_nodes: Count = 1
    """The pool never grows above this. 1, because each further node costs money that somebody should have decided."""
    node_labels: Mapping[LabelKey, LabelValue] = field(default_factory=dict[str, str])
    """Labels of its nodes: set on nodes that the stack makes, looked for on nodes that exist already. Left out there:
    nodes are looked for by the label `modelyard.dev/pool` with the pool's name."""
    taints: Sequence[TaintSpec] = ()
    """Taints beside the one that accelerators bring."""

    def problems(self) -> Iterable[Problem]:
        """Rules across the fields of one pool."""
        if self.min_nodes > self.max_nodes:
            yield Problem(
                path="min_nodes", why=f"{self.min_nodes} is above max_nodes {self.max_nodes}", fix="raise max_nodes"
            )
        if self.gpus_per_node and not self.accelerator:
            yield Problem(
                path="gpus_per_node", why="is given without an accelerator", fix="add accelerator, or remove it"
            )
        if self.accelerator and self.accelerator not in ACCELERATORS:
            known = ", ".join(sorted(ACCELERATORS))
            yield Problem(path="accelerator", why=f"{show(self.accelerator)} is unknown", fix=f"use one of {known}")
            return
        yield from self._size_problems()

    def _size_problems(self) -> Iterable[Problem]:
        inline = self.cpus is not None and self.memory_gib is not None
        if self.machine_type and self.machine_type not in machine_types() and not inline:
            fix = "give its cpus and memory_gib (and accelerator, gpus_per_node) beside it"
            yield Problem(path="machine_type", why=f"{show(self.machine_type)} is not in our table", fix=fix)
        elif self.machine_type in machine_types():
            yield from self._machine_problems(self.machine_type)
        elif not inline and not self.accelerator:
            yield Problem(why="has no size", fix="give accelerator, machine_type, or cpus and memory_gib")
        elif not inline and self.accelerator and not smallest(self.accelerator, self.gpus_per_node or 1):
            known = ", ".join(str(size) for size in sizes(self.accelerator))
            why = f"no machine has {self.gpus_per_node or 1} of {self.accelerator}"
            fix = f"use {known}, or give cpus and memory_gib" if known else "give cpus and memory_gib"
            yield Problem(path="gpus_per_node", why=why, fix=fix)

    def _machine_problems(self, name: str | None) -> Iterable[Problem]:
        machine = machine_types()[str(name)]
        if self.accelerator and self.accelerator != machine.accelerator:
            why = f"{machine.name} has {machine.accelerator or 'no accelerator'}, not {self.accelerator}"
            yield Problem(path="machine_type", why=why, fix="change machine_type or accelerator")
        elif self.gpus_per_node and self.gpus_per_node != machine.gpus:
            why = f"{machine.name} has {machine.gpus}, not {self.gpus_per_node}"
            yield Problem(path="gpus_per_node", why=why, fix="leave it out or choose another machine_type")


Pools = Mapping[Name, PoolSpec]
"""Pools by name."""
