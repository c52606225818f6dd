"""The dynamic resources of a local cluster: the cluster itself, the nodes of one pool, and an image built for it.

The state of every stack with a local cluster refers to this module and its classes by their names: they never move
(docs/adr/0004-dynamic-providers.md). The cluster's resource knows name, engine and version only; nodes are resources of
their own, so that a change of a pool leaves the kubeconfig, and with it every object on the cluster, alone.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from modelyard.cluster.local import lifecycle, nodes
from modelyard.cluster.local.engines.base import KUBECONFIG
from modelyard.cluster.local.folder import cluster_folder
from modelyard.cluster.local.images import build, node, program
from modelyard.cluster.local.images.sources import ImageSource
from modelyard.cluster.local.nodes import PoolNodes

_IDENTITY = ("name", "engine", "kubernetes_version")


class LocalClusterProvider(ResourceProvider):
    """Makes, restarts and removes a cluster.

    The engine asks for a diff in every update, also where nothing changed: a dead cluster is a difference there, which
    the update removes by starting the cluster again.
    """

    # Without this the whole provider would be a secret of the state.
    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse, at preview already, what cannot work on this machine."""
        return CheckResult(news, list(_failures(_olds, news)))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """A new cluster for a new name, engine or version; an update where it is dead."""
        replaced = [key for key in _IDENTITY if _olds.get(key) != _news.get(key)]
        if replaced:
            # A machine has one real node at a time.
            first = _olds.get("engine") == _news.get("engine") == "host"
            return DiffResult(changes=True, replaces=replaced, delete_before_replace=first)
        return DiffResult(changes=not lifecycle.is_alive(_id))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make the cluster; what an interrupted update left of it is completed or made anew."""
        access = lifecycle.create(props["name"], props["engine"], props["kubernetes_version"])
        return CreateResult(props["name"], _outputs(props, access))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Start a dead cluster on its own data; report one that is no longer on this machine as gone."""
        if not lifecycle.exists(id_):
            return ReadResult("", {})
        return ReadResult(id_, _outputs(props, lifecycle.start(id_)))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Start a dead cluster on its own data."""
        return UpdateResult(_outputs(_news, lifecycle.start(_id)))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove processes, containers and files."""
        lifecycle.delete(_id)


def _failures(olds: dict[str, Any], news: dict[str, Any]) -> Iterator[CheckFailure]:
    name = news["name"]
    if lifecycle.is_alive(name):
        return
    if olds.get("name") == name and not lifecycle.exists(name):
        # Made anew under the same identity, it would be taken to hold the objects that the old one held.
        yield CheckFailure("name", lifecycle.gone(name))
        return
    own = {name, olds.get("name", name)}
    for problem in lifecycle.ENGINES[news["engine"]].problems(news["kubernetes_version"], own):
        yield CheckFailure(problem.path, f"{problem.why}; {problem.fix}")


def _outputs(props: dict[str, Any], access: lifecycle.Access) -> dict[str, Any]:
    identity = {key: props[key] for key in _IDENTITY}
    return {**identity, "kubeconfig": access.kubeconfig, "endpoint": access.endpoint}


class LocalClusterResource(Resource, module="modelyard", name="LocalCluster"):
    """A cluster on this machine."""

    kubeconfig: pulumi.Output[str]
    """An administrator's kubeconfig; a secret."""
    endpoint: pulumi.Output[str]
    """The API server's URL."""

    def __init__(
        self, name: str, cluster: str, engine: str, kubernetes_version: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register it.

        Args:
            name: the resource's name.
            cluster: the cluster's name on this machine.
            engine: what runs it.
            kubernetes_version: minor version of the control plane.
            opts: the resource's options.
        """
        props = {"name": cluster, "engine": engine, "kubernetes_version": kubernetes_version}
        outputs = {"kubeconfig": None, "endpoint": None}
        secret = pulumi.ResourceOptions(additional_secret_outputs=["kubeconfig"])
        opts = pulumi.ResourceOptions.merge(opts, secret)
        super().__init__(LocalClusterProvider(), name, {**props, **outputs}, opts)


class LocalNodesProvider(ResourceProvider):
    """Makes, changes and removes the nodes of one pool through the cluster's API."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Other nodes for another cluster or kind of node; otherwise a change in place, also where some are missing."""
        replaced = [key for key in ("cluster", "pool", "simulated") if _olds.get(key) != _news.get(key)]
        if replaced:
            return DiffResult(changes=True, replaces=replaced, delete_before_replace="simulated" in replaced)
        wanted = PoolNodes.from_inputs(_news)
        absent = wanted.simulated and sorted(_olds["nodes"]) != sorted(wanted.names)
        return DiffResult(changes=bool(absent) or wanted != PoolNodes.from_inputs(_olds))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make the nodes; those that an interrupted update left are taken over."""
        return CreateResult(f"{props['cluster']}/{props['pool']}", _apply(props, None))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Report which nodes there are, on a cluster that is started for it if need be."""
        cluster = props["cluster"]
        if not lifecycle.exists(cluster):
            return ReadResult("", {})
        lifecycle.start(cluster)
        present = nodes.present(cluster_folder(cluster) / KUBECONFIG, PoolNodes.from_inputs(props))
        return ReadResult(id_, {**props, "nodes": present})

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Change nodes in place, make missing ones, remove surplus ones."""
        return UpdateResult(_apply(_news, PoolNodes.from_inputs(_olds)))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove the nodes. They end with a cluster that is dead or gone."""
        cluster = _props["cluster"]
        if lifecycle.is_alive(cluster):
            nodes.remove(cluster_folder(cluster) / KUBECONFIG, PoolNodes.from_inputs(_props))


def _apply(props: dict[str, Any], previous: PoolNodes | None) -> dict[str, Any]:
    wanted = PoolNodes.from_inputs(props)
    made = nodes.apply(cluster_folder(props["cluster"]) / KUBECONFIG, wanted, previous)
    return {**wanted.to_inputs(), "cluster": props["cluster"], "nodes": made}


class LocalNodesResource(Resource, module="modelyard", name="LocalNodes"):
    """The nodes of one pool on a local cluster."""

    nodes: pulumi.Output[list[str]]
    """Their names."""

    def __init__(self, name: str, cluster: str, pool: PoolNodes, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register them.

        Args:
            name: the resource's name.
            cluster: the cluster's name on this machine.
            pool: what the nodes are to be.
            opts: the resource's options; it must depend on the cluster.
        """
        super().__init__(LocalNodesProvider(), name, {**pool.to_inputs(), "cluster": cluster, "nodes": None}, opts)


class LocalImageProvider(ResourceProvider):
    """Builds an image and loads it into a cluster. What was loaded ends with the cluster."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse, at preview already, what cannot be built on this machine."""
        problems = () if _is_loaded(news) else build.problems(_source(news))
        return CheckResult(news, [CheckFailure(each.path or "context", f"{each.why}; {each.fix}") for each in problems])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """An update for another image, also where a running cluster has lost it; where its sources are is no change."""
        if _olds["cluster"] != _news["cluster"]:
            return DiffResult(changes=True, replaces=["cluster"])
        if _olds["reference"] != _news["reference"]:
            return DiffResult(changes=True)
        return DiffResult(changes=lifecycle.is_alive(_news["cluster"]) and not _is_present(_news))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Build the image, unless its archive is there, and load it."""
        return CreateResult(f"{props['cluster']}/{props['repository']}", _load(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Build and load the new image beside the old one, which pods run until they are replaced."""
        return UpdateResult(_load(_news))


def _source(props: dict[str, Any]) -> ImageSource:
    return ImageSource(reference=props["reference"], context=Path(props["context"]), dockerfile=props["dockerfile"])


def _is_loaded(props: dict[str, Any]) -> bool:
    return lifecycle.is_alive(props["cluster"]) and _is_present(props)


def _is_present(props: dict[str, Any]) -> bool:
    return node.is_present(props["cluster"], props["reference"])


def _load(props: dict[str, Any]) -> dict[str, Any]:
    if not _is_loaded(props):
        node.load(props["cluster"], build.provide_archive(_source(props)))
    return {key: props[key] for key in ("cluster", "repository", "reference", "context", "dockerfile")}


class LocalImageResource(Resource, module="modelyard", name="LocalImage"):
    """An image on the node of a local cluster."""

    reference: pulumi.Output[str]
    """Its repository and tag."""

    def __init__(
        self, name: str, cluster: str, repository: str, source: ImageSource, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register it.

        Args:
            name: the resource's name.
            cluster: the cluster's name on this machine.
            repository: the image without its tag.
            source: what it is built from.
            opts: the resource's options; it must depend on the cluster.
        """
        props = {"reference": source.reference, "context": str(source.context), "dockerfile": source.dockerfile}
        super().__init__(LocalImageProvider(), name, {**props, "cluster": cluster, "repository": repository}, opts)


class LocalProgramProvider(ResourceProvider):
    """Gives a cluster the image of a program of this machine. What was loaded ends with the cluster."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse, at preview already, a program that is not here."""
        problems = program.problems(news["program"])
        return CheckResult(news, [CheckFailure("program", f"{each.why}; {each.fix}") for each in problems])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """An update for another file of the program, also where a running cluster has lost the image."""
        if _olds["cluster"] != _news["cluster"]:
            return DiffResult(changes=True, replaces=["cluster"])
        lost = lifecycle.is_alive(_news["cluster"]) and not _is_present(_news)
        return DiffResult(changes=lost or _olds["reference"] != _news["reference"])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Load the image."""
        return CreateResult(f"{props['cluster']}/{props['program']}", _load_program(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Load the new image beside the old one, which pods run until they are replaced."""
        return UpdateResult(_load_program(_news))


def _load_program(props: dict[str, Any]) -> dict[str, Any]:
    if not _is_loaded(props):
        program.load(props["cluster"], props["program"], props["reference"])
    return {key: props[key] for key in ("cluster", "program", "reference")}


class LocalProgramResource(Resource, module="modelyard", name="LocalProgram"):
    """The image of a program on the node of a local cluster."""

    def __init__(
        self, name: str, cluster: str, program: str, reference: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register it.

        Args:
            name: the resource's name.
            cluster: the cluster's name on this machine.
            program: its name on PATH.
            reference: the image's.
            opts: the resource's options; it must depend on the cluster.
        """
        props = {"cluster": cluster, "program": program, "reference": reference}
        super().__init__(LocalProgramProvider(), name, props, opts)
