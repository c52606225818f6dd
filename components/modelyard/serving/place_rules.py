"""What one version of a service needs of its pool: GPUs' memory, volumes, room. Imports no Pulumi package."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.workspace.place import Place
from modelyard.workspace.volume_rules import unshared_volume_problems

if TYPE_CHECKING:
    from modelyard.serving.spec import ModelServiceSpec


def memory_problems(service: "ModelServiceSpec", pool: Pool) -> Iterator[Problem]:
    """GPUs that cannot hold its model."""
    memory = service.gpu_memory_on(pool)
    if memory and not memory.fits:
        needed = f"weights and programs take at least {memory.needed_gib:g} GiB of each GPU"
        why = f"{needed}, and servers use {memory.usable_gib:g} of those of pool {pool.name}"
        fix = "raise gpus, use a pool with larger GPUs, or a quantized model"
        yield Problem(path="model.size_gib", why=why, fix=fix)


def volume_problems(service: "ModelServiceSpec", place: Place) -> Iterator[Problem]:
    """A second pod on another node would wait for the volume for ever, and an update for that pod."""
    most = (service.max_replicas + service.surge) * service.nodes
    instead = "" if service.spans_nodes else "replicas: 1 and surge: 0"
    yield from unshared_volume_problems(service, place, pods=most, instead=instead)


def spare_place_problems(service: "ModelServiceSpec", pool: Pool) -> Iterator[Problem]:
    """Room that cannot be kept for further replicas."""
    if not service.spare_replicas:
        return
    why = ""
    if service.nodes > 1:
        why = f"a replica is on {service.nodes} nodes, and has its place only where all of them give way together"
    elif service.resources_on(pool).has_claims:
        why = f"pods of pool {pool.name} claim their devices, and Kubernetes ends no pod to give another its claim"
    if why:
        yield Problem(path="spare_replicas", why=why, fix="leave it out, and keep more replicas")


def room_problems(service: "ModelServiceSpec", pool: Pool) -> Iterator[Problem]:
    """More replicas than the pool has room for."""
    room = service.resources_on(pool).per_node(pool) * pool.max_nodes // service.nodes
    most, least = service.max_replicas, service.min_replicas
    held = f"pool {pool.name} has room for {room} at its max_nodes of {pool.max_nodes}"
    if most > room:
        path = "autoscaling.max_replicas" if service.autoscaling else "replicas"
        yield Problem(path=path, why=f"{most} are too many, as {held}", fix="lower it, or raise the pool's max_nodes")
    elif least + service.surge > room:
        why = f"an update would wait for room for ever: it needs {least} + {service.surge}, and {held}"
        fix = "raise the pool's max_nodes, or set surge: 0, which ends a replica before its successor starts"
        yield Problem(path="surge", why=why, fix=fix)
    elif service.spare_replicas and least + service.spare_replicas > room:
        why = f"{service.spare_replicas} beside {least} replicas are too many, as {held}"
        yield Problem(path="spare_replicas", why=why, fix="lower it, or raise the pool's max_nodes")
