"""What a user writes of containers: their variables and files, and those that run before and beside a workload's own.

Imports no Pulumi package. https://kubernetes.io/docs/concepts/workloads/pods/init-containers/ and
https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from modelyard.errors import Problem, show
from modelyard.kube.images import Image, repository_of
from modelyard.spec import NAME_CHARACTERS, Amount, Name, Text, exactly_one, spec
from modelyard.workspace.place import Place, unknown_name, unknown_secret
from modelyard.workspace.words import EnvName, Folder, HttpPath, MountPath, Port, StartupSeconds, UserId

SIDECAR_STARTUP_SECONDS = 300
"""As long as a server in an image of one's own may take."""
_TAKEN_NAMES = {
    "fetch-model": "what downloads a service's model",
    "prefill-proxy": "what asks a service's prefill pods",
    "tcpx-daemon": "the fabric's process",
    "tcpxo-daemon": "the fabric's process",
}


@spec
class MountSpec:
    """Files for a container: exactly one of `volume`, `config`, `secret` and `scratch`."""

    path: MountPath
    """Where the container sees them."""
    volume: Name | None = None
    """A volume of the workspace."""
    config: Name | None = None
    """Configuration of the workspace; each of its values is a file. A change rolls the pods."""
    secret: Name | None = None
    """A secret of the workspace, in the file `value`. A change rolls the pods."""
    scratch: Name | None = None
    """A folder on the node's disk that is empty when the pod starts and goes with it, by a name of your own. Containers
    of one pod that name the same one share it."""
    folder: Folder | None = None
    """The folder of the volume that is mounted, made if need be. Left out: the whole volume."""
    read_only: bool = False
    """Whether the volume can only be read. Configuration and secrets always are, scratch never."""

    def problems(self) -> Iterable[Problem]:
        """Exactly one source, and what only volumes have."""
        yield from exactly_one(self, "volume", "config", "secret", "scratch")
        if not self.volume:
            for name, value in (("folder", self.folder), ("read_only", self.read_only)):
                if value:
                    yield Problem(path=name, why="has a meaning for volumes only", fix="leave it out")


@spec
class EnvironmentSpec:
    """The base of everything that has a container: its variables and its files."""

    env: Mapping[EnvName, Text] = field(default_factory=dict[str, Text])
    """Environment variables in clear text."""
    env_from_secrets: Mapping[EnvName, Name] = field(default_factory=dict[str, str])
    """Environment variables from secrets of the workspace: the variable's name and the secret's."""
    env_from_object_stores: Mapping[EnvName, Name] = field(default_factory=dict[str, str])
    """Environment variables with the URLs of object stores of the workspace: the variable's name and the store's."""
    mounts: Sequence[MountSpec] = ()
    """Volumes, configuration and secrets of the workspace as files, and folders to write to beside /tmp."""

    def problems(self) -> Iterable[Problem]:
        """No variable and no place for files twice."""
        yield from _set_twice("env", self.env, "env_from_secrets", self.env_from_secrets)
        yield from _set_twice("env", self.env, "env_from_object_stores", self.env_from_object_stores)
        yield from _set_twice(
            "env_from_secrets", self.env_from_secrets, "env_from_object_stores", self.env_from_object_stores
        )
        paths = [mount.path for mount in self.mounts]
        for index, path in enumerate(paths):
            if path in paths[:index]:
                why = f"{path} is the path of another mount too"
                yield Problem(path=f"mounts[{index}].path", why=why, fix="choose another")

    def unknown_names(self, place: Place) -> Iterator[Problem]:
        """Secrets, object stores, volumes and configuration that there are not."""
        for variable, secret in self.env_from_secrets.items():
            yield from unknown_secret(place.secrets, secret, f"env_from_secrets.{variable}")
        for variable, store in self.env_from_object_stores.items():
            path = f"env_from_object_stores.{variable}"
            yield from unknown_name(place.object_stores, store, path, "object store", "object_stores")
        for index, mount in enumerate(self.mounts):
            path = f"mounts[{index}]"
            if mount.volume:
                yield from unknown_name(place.volumes, mount.volume, f"{path}.volume", "volume", place.volumes_block)
            if mount.config:
                yield from unknown_name(place.config, mount.config, f"{path}.config", "configuration", "config")
            if mount.secret:
                yield from unknown_secret(place.secrets, mount.secret, f"{path}.secret")


@spec
class FurtherContainerSpec(EnvironmentSpec):
    """The base of containers beside a workload's own. Use InitContainerSpec or SidecarSpec.

    They are as restricted as that one: a numbered user, no capabilities, nothing writable but a /tmp of their own and
    their mounts. They have neither its GPUs nor its variables, and not the model that it reads.
    """

    image: Image
    """The image, with a version."""
    name: Name | None = None
    """The container's name. Left out: that of the image, `proxy` of `registry.example.org/proxy:1.2.0`."""
    command: Sequence[Text] = ()
    """Instead of the image's entry point."""
    args: Sequence[Text] = ()
    """Arguments."""
    cpus: Amount = 0.1
    """vCPUs it asks for, beside those of the workload. Little by default, as it may use what is idle."""
    memory_gib: Amount = 0.25
    """Memory it asks for and has at most, GiB, beside that of the workload."""
    user_id: UserId | None = None
    """The number of the user that it runs as. Left out: the workload's, which is never root's."""

    @property
    def container_name(self) -> str:
        """The name, or what can be made of the image's; empty where that is known only later."""
        if self.name or not isinstance(self.image, str):
            return self.name or ""
        return re.sub(r"[^a-z0-9]+", "-", repository_of(self.image).rpartition("/")[2])

    def problems(self) -> Iterable[Problem]:
        """Rules across the fields: a name that can be had from the image."""
        yield from super().problems()
        if self.name:
            return
        made = self.container_name
        if not made:
            why = "is missing, and the image, which it would be made from, is known only later"
            yield Problem(path="name", why=why, fix="add it")
        elif len(made) > NAME_CHARACTERS or not made[0].isalpha():
            yield Problem(path="name", why=f"is missing, and the image's {show(made)} is no name", fix="add it")


@spec
class InitContainerSpec(FurtherContainerSpec):
    """A container that runs to its end before the workload's own starts: it waits for something, or prepares files."""


@spec
class SidecarSpec(FurtherContainerSpec):
    """A container that runs beside the workload's own: it starts before it, and ends after it, also in jobs.

    The two reach each other at `localhost`. Nothing else is told where it listens.
    """

    port: Port | None = None
    """The TCP port that it listens on. With one, the workload's own container starts once it is open, the pod is ready
    only while it is, and the container is restarted when it has been closed for a minute. Left out: nothing is asked of
    it."""
    ready_path: HttpPath | None = None
    """Answers 200 at that port when the sidecar can be used. Left out: it is enough that the port is open."""
    startup_timeout_seconds: StartupSeconds = SIDECAR_STARTUP_SECONDS
    """Longest time from its start until it can be used; then it is restarted. Only with a port."""

    def problems(self) -> Iterable[Problem]:
        """Rules across the fields: what needs a port."""
        yield from super().problems()
        if self.port is None:
            given = {
                "ready_path": self.ready_path is not None,
                "startup_timeout_seconds": self.startup_timeout_seconds != SIDECAR_STARTUP_SECONDS,
            }
            for name in (name for name, is_given in given.items() if is_given):
                yield Problem(path=name, why="is asked at a port, and there is none", fix="add port, or leave it out")


def further_name_problems(blocks: Mapping[str, Sequence[FurtherContainerSpec]]) -> Iterator[Problem]:
    """Two containers of one name, or one with a name that a pod has already. Paths begin with the block.

    Args:
        blocks: all containers beside a workload's own, by the field that they stand in.
    """
    first: dict[str, str] = {}
    for block, containers in blocks.items():
        for index, each in enumerate(containers):
            name, path = each.container_name, f"{block}[{index}]"
            if name in _TAKEN_NAMES:
                why = f"{name} is the name of {_TAKEN_NAMES[name]}"
                yield Problem(path=f"{path}.name", why=why, fix="choose another")
            elif name and first.setdefault(name, path) != path:
                yield Problem(path=f"{path}.name", why=f"{name} is the name of {first[name]} too", fix="choose another")


def sidecar_port_problems(sidecars: Sequence[SidecarSpec], taken: Collection[int]) -> Iterator[Problem]:
    """A port that another container of the pod listens on already.

    Args:
        sidecars: the sidecars of a workload.
        taken: ports of its own container.
    """
    first: dict[int, str] = dict.fromkeys(taken, "the workload's own container")
    for index, each in enumerate(sidecars):
        if each.port and first.setdefault(each.port, f"sidecars[{index}]") != f"sidecars[{index}]":
            why = f"{each.port} is the port of {first[each.port]} too, and containers of a pod share their ports"
            yield Problem(path=f"sidecars[{index}].port", why=why, fix="choose another")


def _set_twice(block: str, names: Collection[str], other_block: str, others: Collection[str]) -> Iterator[Problem]:
    for name in sorted({*names} & {*others}):
        yield Problem(path=f"{block}.{name}", why=f"is also set in {other_block}", fix="keep one of the two")
