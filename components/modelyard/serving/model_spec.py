"""What a user writes of the model that a service serves."""

import re
from collections.abc import Iterable
from typing import Annotated

from modelyard.errors import Problem, show
from modelyard.spec import Amount, Filled, Name, Rule, exactly_one, spec
from modelyard.workspace.words import Folder


def _check_huggingface(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", text, re.ASCII):
        return None
    return f"{show(text)} is no model on Hugging Face", "write OWNER/NAME as in its address"


HuggingFaceModel = Annotated[str, Rule(_check_huggingface)]
"""A model on Hugging Face: `Qwen/Qwen2.5-7B-Instruct`."""

_OF_SOURCES = {"revision": "huggingface", "token_secret": "huggingface", "folder": "volume"}
"""Fields that have a meaning with one source only."""


@spec
class ModelSpec:
    """The model that a runtime serves: exactly one of `huggingface`, `artifact` and `volume`."""

    huggingface: HuggingFaceModel | None = None
    """The model on Hugging Face. Its files are downloaded when a pod starts, to the disk of the pod's node."""
    artifact: Name | None = None
    """A job or training of the same workspace that has an `artifact`. The service starts after it has succeeded, finds
    the files, read only, in the folder that the variable MODEL_PATH names, and is rolled when the job has run again."""
    volume: Name | None = None
    """A volume of the workspace that has the files already. Pods find them, read only, in the folder that the variable
    MODEL_PATH names."""
    revision: Filled | None = None
    """Commit, tag or branch. Left out: the newest at each pod's start; name a commit where replicas must agree. Only
    with huggingface."""
    token_secret: Name | None = None
    """The workspace's secret with a Hugging Face token, for gated and private models. Only with huggingface."""
    folder: Folder | None = None
    """The folder of the volume. Left out: all of it. Only with volume."""

    size_gib: Amount | None = None
    """Size of its files, GiB. With it, GPUs that cannot hold the weights are refused, and the start-up budget of a
    language model follows from it. Left out: nobody knows it before the first start."""

    def problems(self) -> Iterable[Problem]:
        """Exactly one source, and what only one of them has."""
        yield from exactly_one(self, "huggingface", "artifact", "volume")
        for name, source in _OF_SOURCES.items():
            if getattr(self, name) and not getattr(self, source):
                yield Problem(path=name, why=f"has a meaning with {source} only", fix="leave it out")

    @property
    def source(self) -> str | None:
        """The name of the source that is set, or of the first; None where there is none."""
        return next((name for name in ("huggingface", "artifact", "volume") if getattr(self, name)), None)
