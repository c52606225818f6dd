"""A stack in a cloud: a simulated account, and a real API server that the simulated cluster leads to."""

import copy
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import psutil
import pytest
import yaml

from modelyard.kube.labels import WORKSPACE
from modelyard.operators.definition import Kind
from tests.engine.cloud_servers import CloudServers
from tests.engine.local_stack import POOL_LABEL, write_stack_file, write_stack_project
from tests.support.cloud_client import SilentEngine
from tests.support.cloud_world import CloudWorld
from tests.support.control_plane import ApiServer
from tests.support.engine import STACK, PulumiProject
from tests.support.paths import ROOT
from tests.support.processes import wait_until
from tools.offline.cloud import machinery, registry
from tools.offline.cloud.machinery import Part
from tools.offline.cloud.session import Session

Json = dict[str, Any]

_WORKLOAD = "app.kubernetes.io/name"


W = TypeVar("W", bound=CloudWorld)


@dataclass(frozen=True, kw_only=True)
class SimulatedCloud(Generic[W]):
    """A cloud, as the tests play it.

    Attributes:
        key: of its block in a stack's `cluster`.
        world: its accounts.
        parts: what goes on in an account while nobody calls it.
        kinds: what its clusters serve beside Kubernetes' own, whatever is installed on them.
    """

    key: str
    world: type[W]
    parts: Sequence[Part]
    kinds: Sequence[Kind] = ()

    @property
    def prod_file(self) -> Path:
        """The production stack's."""
        return ROOT / "stacks" / f"Pulumi.prod-{self.key}.yaml"

    def prod(self) -> Json:
        """What a user starts from."""
        spec: Json = yaml.safe_load(self.prod_file.read_text(encoding="utf-8"))["config"]["modelyard:stack"]
        # Tests destroy what they make.
        spec["cluster"][self.key]["deletion_protection"] = False
        return spec


class CloudStack(Generic[W]):
    """One stack with an account of its own."""

    def __init__(
        self, cloud: SimulatedCloud[W], base: Path, api_server: ApiServer, spec: Json, *, latency: float = 0
    ) -> None:
        """Make the project in `base`, an empty folder, and the configuration of its stack."""
        self.cloud = cloud
        self.base = base
        self.folder = base / "project"
        self.world = cloud.world(base / "account")
        self.api_server = api_server
        write_stack_project(self.folder)
        environment = self.world.environment(api_server.kubeconfig, latency=latency)
        # Only what the state says of the cluster leads to it.
        environment["KUBECONFIG"] = str(base / "no-kubeconfig")
        self.project = PulumiProject(self.folder, base / "scratch", environment=environment)
        self.spec = copy.deepcopy(spec)
        self._restarted: list[subprocess.Popen[bytes]] = []
        self.configure()

    def configure(self, change: Callable[[Json], None] | None = None) -> None:
        """Write `spec` into the stack's file, after a change of it."""
        if change:
            change(self.spec)
        write_stack_file(self.folder / "stacks" / f"Pulumi.{STACK}.yaml", self.spec)

    def get(self, kinds: str, *arguments: str) -> list[Json]:
        """The objects of these kinds, in all namespaces."""
        return self.api_server.get(kinds, "--all-namespaces", *arguments)

    def nodes(self) -> dict[str, list[Json]]:
        """The nodes by pool."""
        found: dict[str, list[Json]] = {}
        for node in self.get("nodes"):
            found.setdefault(node["metadata"]["labels"].get(POOL_LABEL, ""), []).append(node)
        return found

    def placed(self) -> Counter[tuple[str, str]]:
        """How many pods of each workload are on nodes of each pool; the pool is empty for those that wait."""
        pools = {node["metadata"]["name"]: pool for pool, nodes in self.nodes().items() for node in nodes}
        return Counter(
            (pod["metadata"]["labels"][_WORKLOAD], pools.get(pod["spec"].get("nodeName"), ""))
            for pod in self.get("pods", f"--selector={_WORKLOAD},{WORKSPACE}")
            if "deletionTimestamp" not in pod["metadata"]
        )

    def wait_until_placed(self, wanted: Mapping[tuple[str, str], int]) -> None:
        """Wait until the pods are on nodes of these pools."""
        with self.at_work():
            try:
                wait_until(lambda: self.placed() == wanted, "pods on nodes of their pools")
            except AssertionError as error:
                raise AssertionError(f"{error}: {self.placed()} is not {wanted}") from None

    @contextmanager
    def at_work(self) -> Generator[None]:
        """What sizes pools and makes load balancers goes on also while no provider runs, as in a cloud."""
        with self._session() as session:
            machinery.start(session, self.cloud.parts)
            yield

    def settle(self) -> None:
        """End what the cloud had begun to make when the provider died, as it does though nobody waits for it."""
        with self._session() as session:
            for record in [each for each in self.world.resources() if each.status == "CREATING"]:
                for made in registry.when_made[record.token]:
                    made(session, record)
                with self.world.world.open() as account:
                    account.records[record.key].status = "ACTIVE"

    @contextmanager
    def _session(self) -> Generator[Session]:
        session = Session(
            cloud=self.world.cloud,
            world=self.world.world,
            engine=cast("Any", SilentEngine()),
            region=self.spec["cluster"][self.cloud.key]["region"],
            cancelled=threading.Event(),
            kubeconfig=self.api_server.kubeconfig,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(f"{self.world.cloud.environment}_KUBECONFIG", str(session.kubeconfig))
            try:
                yield session
            finally:
                session.cancelled.set()

    @contextmanager
    def without_api_server(self) -> Generator[None]:
        """End the API server for the time of the block; its data stays.

        Scheduler and controllers end by themselves where it is away for long, so they end and come back with it.
        """
        found = {Path(each.cmdline()[0]).name: each for each in processes_below(self.api_server.folder)}
        parts = [found[name] for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")]
        commands = [(part.cmdline(), part.cwd(), part.environ()) for part in parts]
        for part in parts:
            part.kill()
        psutil.wait_procs(parts, timeout=20)
        try:
            yield
        finally:
            quiet = subprocess.DEVNULL
            for command, folder, environment in commands:
                self._restarted.append(
                    subprocess.Popen(command, cwd=folder, env=environment, stdout=quiet, stderr=quiet)
                )
                wait_until(self._answers, "the API server's return", 60)

    def _answers(self) -> bool:
        try:
            return bool(self.get("namespaces"))
        except AssertionError:
            return False

    def close(self) -> None:
        """End whatever runs of it."""
        self.project.close()
        for process in self._restarted:
            process.kill()
            process.wait()


@contextmanager
def cloud_stacks(
    cloud: SimulatedCloud[W], folder: Path, servers: CloudServers
) -> Generator[Callable[..., CloudStack[W]]]:
    """Make stacks one after the other, as all nodes of an API server are seen by all stacks on it."""
    made = 0
    with ExitStack() as last:

        def make(spec: Json, *, latency: float = 0) -> CloudStack[W]:
            nonlocal made
            last.close()
            base = folder / f"stack-{made}"
            base.mkdir()
            made += 1
            server = last.enter_context(servers.one(cloud.kinds))
            return last.enter_context(closing(CloudStack(cloud, base, server, spec, latency=latency)))

        yield make


def names(objects: Sequence[Json]) -> set[str]:
    """Of objects."""
    return {each["metadata"]["name"] for each in objects}


def taints(node: Json) -> set[tuple[str, str, str]]:
    """Key, value and effect of each."""
    return {(each["key"], each.get("value", ""), each["effect"]) for each in node["spec"].get("taints", [])}


def processes_below(folder: Path) -> list[psutil.Process]:
    """Live processes whose program is below a folder."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["cmdline"]):
        command: list[str] = process.info["cmdline"] or []
        if command and Path(command[0]).is_relative_to(folder):
            found.append(process)
    return found
