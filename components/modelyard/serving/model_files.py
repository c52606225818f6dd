"""Where a downloaded model's files are put before its server starts, and why they cannot be. Imports no Pulumi."""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from modelyard.cluster.pools import Pool, unknown_pool
from modelyard.errors import Problem
from modelyard.gpu.spec import Gpus
from modelyard.serving.model_spec import ModelSpec
from modelyard.spec import Text, spec
from modelyard.workspace.container_spec import EnvironmentSpec, MountSpec
from modelyard.workspace.place import Place, unknown_name, unknown_secret
from modelyard.workspace.workload_spec import WorkloadSpec

CACHE_FOLDER = "model-cache"
"""The folder of a volume that has the models which are kept on it."""
FILES_PATH = "/models"
"""Where the container that downloads sees the folder, or the volume, that it downloads to."""
FETCH_CPUS, FETCH_MEMORY_GIB = 1.0, 4.0
"""Of the Job that fills a cache: eight files at a time, each with buffers of some dozen MiB; our estimate."""
_MIB_PER_SECOND = 50
"""A download on a bad day: a quarter of what Hugging Face gives one machine."""
_CHECK_SECONDS = 300
"""For the image of the program that downloads, and for the last checks."""
_UNKNOWN_SIZE_SECONDS = 8100
"""380 GiB at that speed."""
_NODE_READY_SECONDS = 900
_READ_BY_PROGRAMS = ("AWS_", "AZURE_", "GOOGLE_", "HF_", "HTTP_PROXY", "HTTPS_PROXY", "MLFLOW_", "NO_PROXY", "RCLONE_")
"""How variables begin that tell programs which download where to, and who they are."""
_NAME_CHARACTERS, _HASH_CHARACTERS = 40, 12


@spec
class FillSpec(WorkloadSpec):
    """The Job that fills a cache, as a workload of the workspace."""

    gpus: Gpus = 0
    """None, also on a pool with accelerators."""

    CONTAINER: ClassVar[str | None] = "fetch-model"


def files_folder(model: ModelSpec) -> str:
    """The name of the folder that a downloaded model's files are put into: another source or revision has another."""
    mlflow = model.mlflow
    said = [
        str(model.source),
        model.huggingface or model.object_store or model.uri or "",
        model.revision or model.folder or "",
        *([mlflow.tracking_uri, mlflow.uri] if mlflow else ()),
    ]
    digest = hashlib.sha256("\0".join(said).encode()).hexdigest()[:_HASH_CHARACTERS]
    called = mlflow.model if mlflow else (model.huggingface or model.uri or model.folder or "").rpartition("/")[2]
    readable = re.sub(r"[^a-z0-9.]+", "-", called.lower())[:_NAME_CHARACTERS].strip("-.")
    return f"{readable}-{digest}" if readable else digest


def cached_folder(model: ModelSpec) -> str:
    """The folder of its cache's volume that has a model."""
    return f"{CACHE_FOLDER}/{files_folder(model)}"


def fetch_seconds(size_gib: float | None) -> int:
    """A budget for the download of files of that size, in whole minutes."""
    if size_gib is None:
        return _UNKNOWN_SIZE_SECONDS
    return math.ceil((_CHECK_SECONDS + size_gib * 1024 / _MIB_PER_SECOND) / 60) * 60


def fill_seconds(model: ModelSpec) -> int:
    """How long the Job that fills the model's cache may take, with the wait for a node."""
    own = model.cached.timeout_seconds if model.cached else None
    return own or _NODE_READY_SECONDS + fetch_seconds(model.size_gib)


def fetch_env(service: EnvironmentSpec) -> dict[str, Text]:
    """Those of a service's variables that what downloads its model reads too."""
    return {key: value for key, value in service.env.items() if _is_read(key)}


def fetch_secret_env(service: EnvironmentSpec) -> dict[str, str]:
    """The same of its variables from secrets: the variable's name and the secret's."""
    return {key: secret for key, secret in service.env_from_secrets.items() if _is_read(key)}


def _is_read(variable: str) -> bool:
    return variable.upper().startswith(_READ_BY_PROGRAMS)


def fill_spec(service: WorkloadSpec, model: ModelSpec, place: Place) -> FillSpec:
    """The Job that fills the cache of a service's model, without problems there."""
    assert model.cached, "a model with a cache"
    return FillSpec(
        pool=_fill_pool(service, model, place),
        cpus=FETCH_CPUS,
        memory_gib=FETCH_MEMORY_GIB,
        env=fetch_env(service),
        env_from_secrets=fetch_secret_env(service),
        mounts=[MountSpec(volume=model.cached.volume, path=FILES_PATH)],
    )


def _fill_pool(service: WorkloadSpec, model: ModelSpec, place: Place) -> str:
    """Where the cache is filled: on no node with GPUs, unless the volume has to be where the service's pods are."""
    assert model.cached, "a model with a cache"
    own = place.pools[service.pool]
    if model.cached.pool:
        return model.cached.pool
    if model.cached.volume in place.unshared_volumes or not own.gpus_per_node:
        return own.name
    others = (pool for pool in place.pools.values() if pool.runs_containers == own.runs_containers and _suits(pool))
    return next((pool.name for pool in others), own.name)


def _suits(pool: Pool) -> bool:
    has_room = not any(pool.problems(gpus=0, cpus=FETCH_CPUS, memory_gib=FETCH_MEMORY_GIB))
    return not pool.gpus_per_node and not pool.is_queued and has_room


def model_problems_on(service: WorkloadSpec, model: ModelSpec, place: Place) -> Iterator[Problem]:
    """Why a valid model cannot be had there; paths begin with `model`."""
    if model.token_secret:
        yield from unknown_secret(place.secrets, model.token_secret, "model.token_secret")
    if model.volume:
        yield from unknown_name(place.volumes, model.volume, "model.volume", "volume", place.volumes_block)
    if model.object_store:
        stores = place.object_stores
        yield from unknown_name(stores, model.object_store, "model.object_store", "object store", "object_stores")
    pool = place.pools.get(service.pool)
    if pool and model.oci_image is not None and pool.image_volumes_missing:
        fix = "download the model instead, from an object store or Hugging Face"
        yield Problem(path="model.oci_image", why=pool.image_volumes_missing, fix=fix)
    if pool and model.cached:
        yield from _cache_problems(pool, model, place)


def _cache_problems(pool: Pool, model: ModelSpec, place: Place) -> Iterator[Problem]:
    assert model.cached, "a model with a cache"
    volume, filled_on, path = model.cached.volume, model.cached.pool, "model.cache"
    yield from unknown_name(place.volumes, volume, f"{path}.volume", "volume", place.volumes_block)
    if filled_on and filled_on not in place.pools:
        yield unknown_pool(place.pools, filled_on, f"{path}.pool")
    elif filled_on and filled_on != pool.name and not _suits(place.pools[filled_on]):
        why = f"pool {filled_on} has accelerators, is queued, or has too little room on a node for the Job"
        yield Problem(path=f"{path}.pool", why=why, fix="use one without accelerators, with 1 CPU and 4 GiB free")
    if volume in place.unshared_volumes and (pool.max_nodes > 1 or filled_on not in {None, pool.name}):
        why = f"volume {volume} can be on one node at a time, and the Job that fills it runs beside pods that read it"
        yield Problem(path=f"{path}.volume", why=why, fix=f"set shared: true on volume {volume}")
    yield from _size_problems(model.size_gib, volume, place.volume_sizes_gib)


def _size_problems(size_gib: float | None, volume: str, sizes_gib: Mapping[str, float]) -> Iterator[Problem]:
    if size_gib and size_gib > sizes_gib.get(volume, math.inf):
        why = f"volume {volume} has {sizes_gib[volume]:g} GiB, and the model {size_gib:g}"
        yield Problem(path="model.cache.volume", why=why, fix="raise the volume's size_gib, or name a larger one")
