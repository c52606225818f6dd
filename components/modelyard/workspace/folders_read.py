"""Folders that a workload reads beside its model. Imports no Pulumi package."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from modelyard.errors import Problem
from modelyard.workspace.place import Place, unknown_name, unusable_artifact


@dataclass(frozen=True, kw_only=True)
class FolderRead:
    """A folder that a workload's containers see, read only: exactly one of an artifact and a volume.

    Attributes:
        block: where the spec has it.
        key: its key there, unique among those of the workload.
        artifact: a job or training of the workspace that has written it.
        volume: a volume of the workspace.
        folder: the folder of the volume; None for all of it.
    """

    block: str
    key: str
    artifact: str | None = None
    volume: str | None = None
    folder: str | None = None

    @property
    def field(self) -> str:
        """Where the spec says what it is."""
        return f"{self.block}.{self.key}.{'artifact' if self.artifact else 'volume'}"

    def volume_in(self, place: Place) -> str | None:
        """The volume that it lies on; None where that is not known."""
        written = place.artifacts.get(self.artifact or "")
        return written.volume if written else self.volume

    def problems_on(self, place: Place) -> Iterator[Problem]:
        """Why it cannot be read there."""
        if self.artifact:
            yield from (replace(each, path=self.field) for each in unusable_artifact(place.artifacts, self.artifact))
        if self.volume:
            yield from unknown_name(place.volumes, self.volume, self.field, "volume", place.volumes_block)
