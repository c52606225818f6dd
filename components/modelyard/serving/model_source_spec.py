"""What a user writes of places that a model's files are downloaded from, and of the volume that keeps them."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from modelyard.errors import Problem, show
from modelyard.spec import Count, Name, OneOf, Rule, Seconds, exactly_one, spec


def _check_huggingface(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", text, re.ASCII):
        return None
    return f"{show(text)} is no model on Hugging Face", "write OWNER/NAME as in its address"


HuggingFaceModel = Annotated[str, Rule(_check_huggingface)]
"""A model on Hugging Face: `Qwen/Qwen2.5-7B-Instruct`."""

_FOLDER = r"[\w.+=@~-]+(?:/[\w.+=@~-]+)*"
_STORES = (
    rf"(?:s3|gs)://[a-z0-9][a-z0-9._-]{{1,61}}[a-z0-9]/{_FOLDER}",
    rf"https://[a-z0-9]{{3,24}}\.blob\.core\.windows\.net/[a-z0-9$][a-z0-9-]{{2,62}}/{_FOLDER}",
)


def _check_uri(text: str) -> tuple[str, str] | None:
    if any(re.fullmatch(each, text, re.ASCII) for each in _STORES) and not {".", ".."} & set(text.split("/")):
        return None
    return (
        f"{show(text)} is no folder of an object store",
        "write s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER",
    )


StoreFolder = Annotated[str, Rule(_check_uri)]
"""A folder of an object store: `s3://models/qwen/7b`."""


def _check_http_url(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[\w.~/-]*)?", text, re.ASCII):
        return None
    return f"{show(text)} is no address of an MLflow server", "write one like https://mlflow.example.org"


TrackingUri = Annotated[str, Rule(_check_http_url)]
"""The address of an MLflow server: `https://mlflow.example.org`."""


def _check_mlflow_name(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"[^/:@\s]+( [^/:@\s]+)*", text):
        return None
    # https://mlflow.org/docs/latest/ml/model-registry/
    return f"{show(text)} is no name in a model registry", "write one without '/', ':' and '@'"


RegistryName = Annotated[str, Rule(_check_mlflow_name)]
"""The name of a model in a registry, or of an alias there."""


@spec
class MlflowModelSpec:
    """A model in the registry of an MLflow server: exactly one of `version` and `alias`.

    The server hands out the files itself, as it does unless it is told otherwise (`--serve-artifacts`), or they lie in
    an object store that the workspace's pods have rights to.
    """

    tracking_uri: TrackingUri
    """The address of the server. One that is not on port 443 of a public address needs `network.allow_egress`, unless
    it runs in the workspace."""
    model: RegistryName
    """The name of the model in the registry."""
    version: Count | None = None
    """Its version, which never changes."""
    alias: RegistryName | None = None
    """Its alias, such as `champion`: whatever version that is when a pod starts."""

    def problems(self) -> Iterable[Problem]:
        """Exactly one version."""
        yield from exactly_one(self, "version", "alias")

    @property
    def uri(self) -> str:
        """The model as MLflow names it. https://mlflow.org/docs/latest/ml/model-registry/"""
        return f"models:/{self.model}@{self.alias}" if self.alias else f"models:/{self.model}/{self.version}"


@spec
class ModelCacheSpec:
    """A volume that keeps a model's files. A Job fills it once, before the first pod starts; all pods read from it.

    The files lie in a folder whose name follows from the source and its revision: services with the same model share
    it, and another revision is another folder. Folders that no service uses any more stay until somebody removes them.
    """

    volume: Name
    """A volume of the workspace: `shared`, or on a pool of one node. Other things may lie on it too."""
    pool: Name | None = None
    """The pool that the Job runs on, without a GPU. Left out: the service's own where that has none or the volume is
    not shared, otherwise the first pool without accelerators."""
    timeout_seconds: Seconds | None = None
    """How long the Job may take, with the wait for a node; then the update fails, and the next one goes on where it
    ended. Left out: by the model's `size_gib`, at 50 MiB/s, or 9000."""


def _cache_member(value: Any) -> Any:
    return ModelCacheSpec if isinstance(value, Mapping | ModelCacheSpec) else Name


ModelCache = Annotated[str | ModelCacheSpec, OneOf(_cache_member, (Name, ModelCacheSpec))]
"""A volume's name, or a volume with how it is filled."""


EXACT_REVISION = re.compile("[0-9a-f]{7,40}")
"""A commit, which never becomes another. Branches and tags can."""
