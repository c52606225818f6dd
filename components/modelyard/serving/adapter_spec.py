"""What a user writes of LoRA adapters: small sets of weights that change what a language model answers."""

from collections.abc import Iterable

from modelyard.errors import Problem
from modelyard.serving.model_source_spec import HuggingFaceModel
from modelyard.spec import Name, exactly_one, spec
from modelyard.workspace.folders_read import FolderRead
from modelyard.workspace.words import Folder

BLOCK = "adapters"
"""The service's field."""
_PATH = "/adapters"
"""Where the server finds those that lie on a volume, each in a folder of its name."""


@spec
class AdapterSpec:
    """One adapter: exactly one of `huggingface`, `artifact` and `volume`."""

    huggingface: HuggingFaceModel | None = None
    """The adapter on Hugging Face: its newest version at each pod's start, as servers take no other of an adapter. For
    a private one the model's `token_secret` counts."""
    artifact: Name | None = None
    """A job or training of the same workspace that has an `artifact`. The service starts after it has succeeded, and is
    rolled when the job has run again."""
    volume: Name | None = None
    """A volume of the workspace that has the files already."""
    folder: Folder | None = None
    """The folder of the volume. Left out: all of it. Only with volume."""

    def problems(self) -> Iterable[Problem]:
        """Exactly one source, and what only volumes have."""
        yield from exactly_one(self, "huggingface", "artifact", "volume")
        if self.folder and not self.volume:
            yield Problem(path="folder", why="has a meaning with volume only", fix="leave it out")

    def location(self, name: str) -> str:
        """Where a server that downloads by itself finds it: its name on Hugging Face, or the folder."""
        return self.huggingface or path_of(name)

    def folder_read(self, name: str) -> FolderRead | None:
        """The folder that its files are in; None where it is downloaded."""
        if self.huggingface:
            return None
        return FolderRead(block=BLOCK, key=name, artifact=self.artifact, volume=self.volume, folder=self.folder)


def path_of(name: str) -> str:
    """Where containers see the folder of the adapter of that name."""
    return f"{_PATH}/{name}"
