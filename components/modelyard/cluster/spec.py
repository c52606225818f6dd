"""What a user writes of a cluster and its pools."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal

from modelyard.cluster.words import KubernetesVersion, LabelKey, LabelValue, Repository
from modelyard.errors import Problem, show
from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.fabric import FabricWord
from modelyard.gpu.machine_choice import MachineChoice
from modelyard.gpu.request import GpuRequest
from modelyard.gpu.rules import device_problems
from modelyard.gpu.spec import Capacity, Sharing, TpuTopology
from modelyard.spec import Amount, Count, CountOrZero, Filled, Name, Rule, exactly_one, rule_problems, spec
from modelyard.spec_later import later
from modelyard.versions import KUBERNETES

if TYPE_CHECKING:
    from modelyard.cluster.aks.spec import AksSpec
    from modelyard.cluster.eks.spec import EksSpec
    from modelyard.cluster.gke.spec import GkeSpec
else:
    AksSpec = later("modelyard.cluster.aks.spec", "AksSpec")
    EksSpec = later("modelyard.cluster.eks.spec", "EksSpec")
    GkeSpec = later("modelyard.cluster.gke.spec", "GkeSpec")

CloudSpec = EksSpec | GkeSpec | AksSpec
"""A cluster that is made in a cloud."""


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

    @property
    def installs_charts(self) -> bool:
        """Whether operators come from their charts; while the engine is yet to be chosen, as on kind."""
        return self.charts if self.charts is not None else self.engine in {"auto", "kind"}


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
    eks: EksSpec | None = None
    """A cluster in an AWS account, made and removed with the stack."""
    gke: GkeSpec | None = None
    """A cluster in a Google Cloud project, made and removed with the stack."""
    aks: AksSpec | None = None
    """A cluster in an Azure subscription, made and removed with the stack."""

    def problems(self) -> Iterable[Problem]:
        """Exactly one block."""
        return exactly_one(self, "local", "existing", "eks", "gke", "aks")

    @property
    def cloud(self) -> CloudSpec | None:
        """The cluster that is made in a cloud, if it is one."""
        return self.eks or self.gke or self.aks


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
    """Accelerators on each node. Left out: what the machine type has, otherwise 1. Only with `accelerator`; required
    beside it for a machine type that is not in our table."""
    machine_type: Filled | None = None
    """A cloud's own name of the machine. Left out: the smallest that fits the other fields."""
    cpus: Amount | None = None
    """vCPUs of a node. Left out: the machine type's."""
    memory_gib: Amount | None = None
    """Memory of a node, GiB. Left out: the machine type's."""
    architecture: Literal["amd64", "arm64"] | None = None
    """Of its processors. Left out: the machine type's; of machines without accelerators amd64, for which most images
    are built."""
    rdma_devices: Count | None = None
    """Devices of its fast network. Only for a machine type that is not in our table."""
    min_nodes: CountOrZero = 0
    """The pool never shrinks below this."""
    max_nodes: Count = 1
    """The pool never grows above this. 1, because each further node costs money that somebody should have decided."""
    node_labels: Mapping[LabelKey, LabelValue] = field(default_factory=dict[str, str])
    """Labels of its nodes: set on nodes that the stack makes, looked for on nodes that exist already. Left out there:
    nodes are looked for by the label `modelyard.dev/pool` with the pool's name."""
    taints: Sequence[TaintSpec] = ()
    """Taints beside the one that accelerators bring."""
    capacity: Capacity = "on_demand"
    """How its machines are bought: `on_demand`; `spot`, which the cloud takes back at any time; `flex_start`, which
    come when there are some and stay for days; `queued`, which come all together for a request that waits for them;
    `{reservation: ID}`; or `{capacity_block: ID}`, for a time that was booked. Without effect on a local cluster, and
    on one that exists, where nodes are there already."""
    sharing: Sharing = "whole"
    """Whether several pods share a GPU: `whole`, `{mig: 1g.10gb}`, `{time_slicing: {replicas: 4}}` or
    `{mps: {replicas: 4}}`. Whole, because a shared GPU isolates less, and MIG divides one for good."""
    fabric: FabricWord = "none"
    """`rdma`: its nodes stand close together, in one zone, and their GPUs reach each other past the processors: by EFA
    on EKS, by RDMA over Ethernet on GKE, by InfiniBand on AKS. `tcpx` and `tcpxo` are Google Cloud's, for H100: by TCP
    that network cards write into the GPUs' memory (GPUDirect-TCPX on `a3-highgpu-8g`, GPUDirect-TCPXO on
    `a3-megagpu-8g`)."""
    placement: Literal["any", "compact"] = "any"
    """`compact`: its nodes stand close together, in one zone. A fabric implies it. Any by default, as close places are
    scarcer. Without effect on a local cluster, and on one that exists."""
    tpu_topology: TpuTopology | None = None
    """How the chips of a TPU slice are arranged: `2x4`, `4x4x4`. Slices of more chips than one machine has span nodes,
    which come and go all together. Left out: that of one machine."""
    driver: Literal["auto", "image", "operator"] = "auto"
    """Who brings the GPUs' driver: the node `image`, or an `operator` on the cluster. `auto` takes the image's where it
    has one."""
    device_allocation: Literal["device_plugin", "dra"] = "device_plugin"
    """How pods get devices: from a device plugin, as an amount of a resource; or by `dra`, dynamic resource allocation,
    as a claim (`resource.k8s.io/v1`)."""
    node_image: Literal["al2023", "bottlerocket", "cos", "ubuntu", "azurelinux"] | None = None
    """The nodes' system, where the cluster offers more than one: `al2023` or `bottlerocket` on EKS, `cos` or `ubuntu`
    on GKE, `ubuntu` or `azurelinux` on AKS. Left out: the first of them."""
    zones: Sequence[Filled] = ()
    """Names of the zones that its nodes are to be in. Left out: all of the cluster's, or one of them where they stand
    close together."""
    machine_types: Sequence[Filled] = ()
    """Further machine types for `spot`, with the same GPUs: the more there are, the sooner one is free."""
    disk_gib: Count | None = None
    """The disk that a node's system, images and scratch files share, GiB. Left out: what the cluster usually gives."""

    def problems(self) -> Iterable[Problem]:
        """Rules across the fields of one pool."""
        if self.min_nodes > self.max_nodes:
            yield Problem(
                path="min_nodes", why=f"{self.min_nodes} is above max_nodes {self.max_nodes}", fix="raise max_nodes"
            )
        for index, taint in enumerate(self.taints):
            # https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/ and validateNodeTaints in
            # https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go
            if (taint.key, taint.effect) in [(each.key, each.effect) for each in self.taints[:index]]:
                why = (
                    f"{taint.key} with effect {taint.effect} stands there twice, and a node has one of a key and effect"
                )
                yield Problem(path=f"taints[{index}]", why=why, fix="leave it out, or use another key")
        found = list(self.machines.problems())
        yield from found
        # What the rest rests on: a machine, and a way of sharing that is one.
        if not found and not rule_problems(self.sharing):
            yield from device_problems(self.request())

    @property
    def is_compact(self) -> bool:
        """Whether its nodes are to stand close together, in one zone."""
        return self.placement == "compact" or self.fabric != "none"

    @property
    def machines(self) -> MachineChoice:
        """What it says of its machines."""
        return MachineChoice(
            accelerator=self.accelerator,
            gpus_per_node=self.gpus_per_node,
            machine_type=self.machine_type,
            cpus=self.cpus,
            memory_gib=self.memory_gib,
            architecture=self.architecture,
            rdma_devices=self.rdma_devices,
            fabric=self.fabric,
        )

    def request(self, name: str = "", cloud: str | None = None, kubernetes_version: str | None = None) -> GpuRequest:
        """What it asks of its nodes.

        Args:
            name: the pool's name.
            cloud: whose machines they are; without one, of any cloud.
            kubernetes_version: of the cluster, where known.
        """
        machine = self.machines.machine(cloud)
        accelerator = self.accelerator or (machine.accelerator if machine else None)
        return GpuRequest(
            pool=name,
            cloud=cloud,
            accelerator=ACCELERATORS[accelerator] if accelerator else None,
            gpus=(self.gpus_per_node or (machine.gpus if machine else 1)) if accelerator else 0,
            machine=machine,
            machine_name=self.machine_type or (machine.name if machine else None),
            is_machine_named=self.machine_type is not None,
            cpus=self.cpus or (machine.vcpus if machine else 0),
            memory_gib=self.memory_gib or (machine.memory_gib if machine else 0),
            architecture=machine.architecture if machine else self.architecture,
            fabric_devices=(self.rdma_devices if self.fabric == "rdma" else None)
            or (machine.devices_of(self.fabric) if machine else 0),
            machine_types=tuple(self.machine_types),
            zones=tuple(self.zones),
            min_nodes=self.min_nodes,
            max_nodes=self.max_nodes,
            capacity=self.capacity,
            sharing=self.sharing,
            fabric=self.fabric,
            placement=self.placement,
            tpu_topology=self.tpu_topology,
            driver=self.driver,
            device_allocation=self.device_allocation,
            node_image=self.node_image,
            kubernetes_version=kubernetes_version,
        )


Pools = Mapping[Name, PoolSpec]
"""Pools by name."""
