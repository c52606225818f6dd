"""What a user writes of the model that a service serves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace

from modelyard.errors import Problem, show
from modelyard.kube.images import Image
from modelyard.serving.model_source_spec import (
    EXACT_REVISION,
    HuggingFaceModel,
    MlflowModelSpec,
    ModelCache,
    ModelCacheSpec,
    StoreFolder,
)
from modelyard.spec import Amount, Filled, Name, exactly_one, spec
from modelyard.workspace.words import Folder

DOWNLOADED = ("huggingface", "object_store", "uri", "mlflow")
"""The sources whose files are downloaded."""
SOURCES = (*DOWNLOADED, "artifact", "volume", "oci_image")
"""The fields that say where a model comes from."""
_OF_SOURCES: Mapping[str, Sequence[str]] = {
    "revision": ("huggingface",),
    "token_secret": ("huggingface", "mlflow"),
    "folder": ("volume", "object_store", "oci_image"),
    "cache": DOWNLOADED,
}
"""Fields that have a meaning with some sources only."""


@spec
class ModelFields:
    """What can be said of a model, whole or in part."""

    huggingface: HuggingFaceModel | None = None
    """The model on Hugging Face. Without `cache` it is downloaded when a pod starts, to the disk of the pod's node."""
    object_store: Name | None = None
    """An object store of the workspace that has the files. They are downloaded likewise, with the rights that the
    workspace's pods have."""
    uri: StoreFolder | None = None
    """A folder of an object store outside of the stack: `s3://BUCKET/FOLDER`, `gs://BUCKET/FOLDER` or
    `https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER`. It is downloaded likewise. The stack gives nobody rights
    to it: give them to the identity that the workspace's pods have, once it has an object store of its own."""
    mlflow: MlflowModelSpec | None = None
    """A model in the registry of an MLflow server, downloaded likewise."""
    artifact: Name | None = None
    """A job or training of the same workspace that has an `artifact`. The service starts after it has succeeded, and is
    rolled when the job has run again."""
    volume: Name | None = None
    """A volume of the workspace that has the files already."""
    oci_image: Image | None = None
    """An image, or another object of a registry, whose files are the model. Nodes keep it as they keep images. It needs
    Kubernetes 1.35 and a container runtime with image volumes, such as containerd 2.1."""
    revision: Filled | None = None
    """Commit, tag or branch. Left out: the newest at each pod's start; name a commit where replicas must agree, as a
    `cache` demands. Only with huggingface."""
    token_secret: Name | None = None
    """The workspace's secret with a token of Hugging Face, for gated and private models, or of the MLflow server."""
    folder: Folder | None = None
    """The folder of the volume, the object store or the image. Left out: all of it."""
    cache: ModelCache | None = None
    """The volume that keeps the files of a model that is downloaded: its name, or `{volume: models, pool: system}`.
    Left out: every pod downloads them again."""

    size_gib: Amount | None = None
    """Size of its files, GiB. With it, GPUs that cannot hold the weights are refused, and the start-up budget of a
    language model follows from it. Left out: nobody knows it before the first start."""

    @property
    def cached(self) -> ModelCacheSpec | None:
        """Where its files are kept, in full."""
        return ModelCacheSpec(volume=self.cache) if isinstance(self.cache, str) else self.cache

    @property
    def sources(self) -> Sequence[str]:
        """The names of the sources that are set."""
        return [name for name in SOURCES if getattr(self, name) is not None]

    @property
    def source(self) -> str | None:
        """The name of the source that is set, or of the first; None where there is none."""
        return next(iter(self.sources), None)


@spec
class ModelSpec(ModelFields):
    """The model that a runtime serves, of exactly one source: `huggingface`, `object_store`, `uri`, `mlflow`,
    `artifact`, `volume` or `oci_image`.

    Servers find its files, read only, in the folder that the variable MODEL_PATH names. Without `cache`, a server that
    reads Hugging Face by itself downloads from there what it needs, to a folder of its own.
    """

    def problems(self) -> Iterable[Problem]:
        """Exactly one source, what only some of them have, and a cache of what never changes."""
        yield from exactly_one(self, *SOURCES)
        for name, sources in _OF_SOURCES.items():
            if getattr(self, name) and not {*sources} & {*self.sources}:
                yield Problem(path=name, why=f"has a meaning with {_listed(sources)} only", fix="leave it out")
        if self.cache:
            yield from self._cache_problems()

    def _cache_problems(self) -> Iterable[Problem]:
        if self.huggingface and not (self.revision and EXACT_REVISION.fullmatch(self.revision)):
            is_named = f"{show(self.revision)} can become another commit" if self.revision else "is missing"
            why = f"{is_named}, and a cache keeps the files that it has"
            yield Problem(path="revision", why=why, fix="name a commit, 7 to 40 digits as in the model's history")
        if self.mlflow and self.mlflow.alias:
            why = f"{show(self.mlflow.alias)} can become another version, and a cache keeps the files that it has"
            yield Problem(path="mlflow.alias", why=why, fix="name a version instead")


@spec
class ModelChangeSpec(ModelFields):
    """What is different in the model of another version of a service.

    With a source of its own it is another model, of which everything is said here; without one it is the service's with
    these fields changed: `{revision: b1c2d3e}`.
    """

    def problems(self) -> Iterable[Problem]:
        """One source at the most; whether the fields go together is seen on the whole model."""
        for name in self.sources[1:]:
            why = f"is given beside {self.source}"
            yield Problem(path=name, why=why, fix="remove one of them")


def changed_model(model: ModelSpec | None, change: ModelChangeSpec) -> ModelSpec:
    """The model with that change."""
    given = {each.name: value for each in fields(change) if (value := getattr(change, each.name)) is not None}
    return replace(model, **given) if model and not change.source else ModelSpec(**given)


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
