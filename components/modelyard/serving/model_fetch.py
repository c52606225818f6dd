"""Downloading a model's files: the container that does it, and the Job that fills a cache.

What runs in it is `fetch_model.sh`, in the image of a program for the source: rclone for object stores, with the
credentials that the workspace's pods have by themselves (https://rclone.org/s3/#authentication,
https://rclone.org/googlecloudstorage/, https://rclone.org/azureblob/#authentication), `huggingface_hub` and `mlflow`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.containers import Container, Mount, Scratch
from modelyard.kube.jobs import AWAIT_MARGIN_SECONDS, REPLACE_UNREADY, lost_nodes_do_not_count
from modelyard.kube.labels import VARIANT, labels
from modelyard.kube.pods import NOT_MOVED, Pod, pod_template
from modelyard.serving.model_files import (
    CACHE_FOLDER,
    FILES_PATH,
    FillSpec,
    fetch_env,
    fetch_secret_env,
    files_folder,
    fill_seconds,
    fill_spec,
)
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.scope import ServiceScope
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.variants import Variant
from modelyard.versions import HUGGINGFACE_HUB_IMAGE, MLFLOW_IMAGE, RCLONE_IMAGE
from modelyard.workspace.containers import local_image, secret_env
from modelyard.workspace.namespace import WorkspaceNamespace
from modelyard.workspace.pods import workload_pod
from modelyard.workspace.words import MODEL_PATH
from modelyard.workspace.workspace import Workspace

COMPONENT = "model-cache"
"""The value of `app.kubernetes.io/component` of the Job that fills a cache."""
FETCH_CONTAINER = str(FillSpec.CONTAINER)
FILES_VOLUME = "model-files"
"""The volume of a pod with the files that it has downloaded for itself."""
_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class _Program:
    """What downloads from one kind of source.

    Attributes:
        image: with the program.
        kind: what the script calls it.
        source: what it is asked for.
        env: further variables.
        token_variable: the variable for the model's token.
    """

    image: str
    kind: str
    source: pulumi.Input[str]
    env: Mapping[str, str]
    token_variable: str | None = None


def with_model(workspace: Workspace, spec: ModelServiceSpec, pod: Pod) -> Pod:
    """The pod of a service's server, with what it takes to find a model that is downloaded, or lies in an image.

    Args:
        workspace: where it runs.
        spec: a spec without problems there.
        pod: what `workload_pod` makes of it.
    """
    model, container = spec.model, pod.container
    if not model or not (spec.is_fetched or model.oci_image is not None):
        return pod
    # Servers are kept from asking Hugging Face for what they have.
    offline = {"HF_HUB_OFFLINE": "1"} if model.huggingface and not spec.reads_huggingface else {}
    env = {"MODEL_PATH": MODEL_PATH, **offline, **container.env}
    if model.oci_image is not None:
        image = local_image(workspace, model.oci_image)
        mount = Mount(path=MODEL_PATH, volume=FILES_VOLUME, image=image, folder=model.folder)
        return replace(pod, container=replace(container, env=env, mounts=[*container.mounts, mount]))
    if model.cache:
        return replace(pod, container=replace(container, env=env))
    files_seen = Scratch(name=FILES_VOLUME, path=MODEL_PATH, folder=files_folder(model), read_only=True)
    server = replace(container, env=env, scratch=[*container.scratch, files_seen])
    fetch = _fetch_container(workspace, spec, model, server)
    return replace(pod, container=server, init_containers=[fetch, *pod.init_containers])


def _fetch_container(workspace: Workspace, spec: ModelServiceSpec, model: ModelSpec, server: Container) -> Container:
    """What downloads into a folder of the pod's own. It has what the server does not use yet."""
    home = workspace.namespace_for(spec)
    container = _container(workspace, home, model, FILES_PATH)
    return replace(
        container,
        env={**container.env, **fetch_env(spec)},
        secret_env={**container.secret_env, **secret_env(home, fetch_secret_env(spec))},
        requests=_without_devices(server.requests),
        limits=_without_devices(server.limits),
        scratch=[Scratch(name=FILES_VOLUME, path=FILES_PATH)],
    )


def _without_devices(quantities: Mapping[str, str]) -> dict[str, str]:
    return {name: quantity for name, quantity in quantities.items() if name in {"cpu", "memory"}}


def fill_caches(scope: ServiceScope, variants: Sequence[Variant]) -> Mapping[str, k8s.batch.v1.Job]:
    """The Jobs that fill the caches of all versions' models, by the label of each version.

    One for each model on each volume: versions that differ in something else share it.

    Args:
        scope: the service.
        variants: its versions.
    """
    made: dict[tuple[str, str | None] | None, k8s.batch.v1.Job] = {}
    found: dict[str, k8s.batch.v1.Job] = {}
    for variant in variants:
        model, files_kept = variant.spec.model, variant.spec.volume_read
        if model and model.cache:
            if files_kept not in made:
                made[files_kept] = fill_cache(scope, variant, model)
            found[variant.label] = made[files_kept]
    return found


def fill_cache(scope: ServiceScope, variant: Variant, model: ModelSpec) -> k8s.batch.v1.Job:
    """The Job that fills the cache of one version's model, which the update waits for.

    It leaves a model that is there as it is. It is made anew, and runs, when source or revision change; the Job before
    goes after it. One that fails leaves what it has downloaded for the next.

    Args:
        scope: the service.
        variant: which version.
        model: its model, with a cache.
    """
    workspace = scope.workspace
    # Not those by which the service's Service and its budget for disruptions select pods.
    own = labels(scope.name, instance=scope.logical, component=COMPONENT, workspace=workspace.workspace_name)
    own[VARIANT] = variant.label
    spec = fill_spec(variant.spec, model, workspace.place)
    home = workspace.namespace_for(spec)
    pod = workload_pod(workspace, spec, _container(workspace, home, model, f"{FILES_PATH}/{CACHE_FOLDER}"))
    pod = replace(pod, restart_policy="Never", annotations={**pod.annotations, **NOT_MOVED})
    seconds = fill_seconds(model)
    options = scope.options(workspace.before_pods(spec))
    options.custom_timeouts = pulumi.CustomTimeouts(create=f"{seconds + AWAIT_MARGIN_SECONDS}s")
    return k8s.batch.v1.Job(
        f"{scope.logical_of(variant)}-model",
        metadata=scope.metadata(labels=own, annotations=REPLACE_UNREADY),
        spec=k8s.batch.v1.JobSpecArgs(
            backoff_limit=_TRIES,
            active_deadline_seconds=seconds,
            pod_failure_policy=lost_nodes_do_not_count(),
            pod_replacement_policy="Failed",
            template=pod_template(pod, own),
        ),
        opts=options,
    )


def _container(workspace: Workspace, home: WorkspaceNamespace, model: ModelSpec, files_path: str) -> Container:
    program = _program(workspace, model)
    token = {program.token_variable: model.token_secret} if program.token_variable and model.token_secret else {}
    return Container(
        name=FETCH_CONTAINER,
        image=local_image(workspace, program.image),
        command=["sh", "-c", files("modelyard.serving").joinpath("fetch_model.sh").read_text()],
        env={
            "MODEL_FILES": files_path,
            "MODEL_KEY": files_folder(model),
            "MODEL_KIND": program.kind,
            "MODEL_SOURCE": program.source,
            **program.env,
        },
        secret_env=secret_env(home, token),
    )


def _program(workspace: Workspace, model: ModelSpec) -> _Program:
    if model.huggingface:
        # Nothing is kept in /tmp that goes to the folder anyway.
        env = {"MODEL_REVISION": model.revision or "", "HF_XET_CHUNK_CACHE_SIZE_BYTES": "0"}
        quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        return _Program(
            image=HUGGINGFACE_HUB_IMAGE,
            kind="huggingface",
            source=model.huggingface,
            env={**env, **quiet},
            token_variable="HF_TOKEN",  # noqa: S106  # the variable's name
        )
    if model.mlflow:
        return _Program(
            image=MLFLOW_IMAGE,
            kind="mlflow",
            source=model.mlflow.uri,
            env={"MLFLOW_TRACKING_URI": model.mlflow.tracking_uri},
            token_variable="MLFLOW_TRACKING_TOKEN",  # noqa: S106  # the variable's name
        )
    return _Program(image=RCLONE_IMAGE, kind="object_store", source=_store_url(workspace, model), env={})


def _store_url(workspace: Workspace, model: ModelSpec) -> pulumi.Input[str]:
    if not model.object_store:
        assert model.uri, "a model that is downloaded"
        return model.uri
    url = workspace.object_stores[model.object_store].url
    return pulumi.Output.concat(url, "/", model.folder) if model.folder else url
