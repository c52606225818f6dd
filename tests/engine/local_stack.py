"""A copy of the project with a stack of its own on a local cluster, and what that cluster holds."""

import copy
import json
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.support.engine import STACK, PulumiProject
from tests.support.paths import ROOT
from tests.support.processes import wait_until
from tests.support.toolchain import require_tool
from tests.support.update import Result
from tests.support.warm import warm_environment

Json = dict[str, Any]

STACK_LABEL = "modelyard.dev/stack"
POOL_LABEL = "modelyard.dev/pool"
LOCAL_SPEC: Json = {
    **yaml.safe_load((ROOT / "stacks" / "Pulumi.local.yaml").read_text())["config"]["modelyard:stack"],
    "cluster": {"local": {"engine": "kwok"}},
}
"""What `make up` runs, without Docker wherever that is."""
KINDS = (
    "namespaces,serviceaccounts,secrets,configmaps,persistentvolumeclaims,networkpolicies,resourcequotas,rolebindings,deployments,services,"
    "poddisruptionbudgets,horizontalpodautoscalers,jobs,cronjobs"
)
"""Every kind of object that a workspace is made of."""
_MAKE_SECONDS = 240
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GENERATED = re.compile(r"-[0-9a-f]{8}\b")


class LocalStack:
    """One stack in one folder; nothing of it is outside of that folder."""

    def __init__(
        self,
        base: Path,
        spec: Json,
        *,
        secrets: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        virtualenv: Path | None = None,
    ) -> None:
        """Make the project in `base`, and the configuration of its stack `test`.

        Args:
            base: an empty folder.
            spec: the stack, the value of `modelyard:stack`.
            secrets: values by their names below `modelyard:`.
            environment: further variables of every command.
            virtualenv: whose Python runs it; by default the one that has what programs of tests import.
        """
        self.base = base
        self.folder = base / "project"
        self.home = base / "user"
        write_stack_project(self.folder, virtualenv)
        self.home.mkdir()
        self.project = PulumiProject(
            self.folder, base / "scratch", environment={"HOME": str(self.home), **(environment or {})}
        )
        self.spec = copy.deepcopy(spec)
        self.configure()
        if secrets:
            self.project.set_config(secrets={f"modelyard:{key}": value for key, value in secrets.items()})

    @property
    def file(self) -> Path:
        """The stack's configuration."""
        return self.folder / "stacks" / f"Pulumi.{STACK}.yaml"

    def configure(self) -> None:
        """Write `spec`, as it is by now, into the stack's file."""
        write_stack_file(self.file, self.spec)

    def update(self) -> Result:
        """`pulumi up` with `spec` as it is by now."""
        self.configure()
        return self.project.up()

    def make(self, command: str) -> str:
        """What `make up` or `make destroy` runs, in this project, and says; it must succeed."""
        done = subprocess.run(
            [str(self.folder / ".venv" / "bin" / "python"), "-m", "tools.stack", command, STACK],
            cwd=self.folder,
            env=self.project.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_MAKE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"make {command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    @property
    def cluster_folder(self) -> Path:
        """The data of the stack's one cluster."""
        [folder] = (self.project.state_folder / "modelyard" / "local").glob(f"modelyard-{STACK}-*")
        return folder

    @property
    def kubeconfig(self) -> Path:
        """An administrator's."""
        return self.cluster_folder / "kubeconfig"

    @property
    def ports(self) -> list[int]:
        """Where the cluster's processes listen."""
        return list(json.loads((self.cluster_folder / "cluster.json").read_text())["ports"].values())

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl as the administrator; it must succeed."""
        command = self._kubectl_command("--request-timeout=20s", *arguments)
        done = subprocess.run(command, env=self.project.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def _kubectl_command(self, *arguments: str) -> list[str]:
        options = [f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.base / 'kubectl'}"]
        return [str(require_tool("kubectl")), *options, *arguments]

    @contextmanager
    def watching(self, kinds: str, *arguments: str, field: str) -> Generator[Callable[[], list[str]]]:
        """Watch a field of objects while the block runs; the function returns its values, one for each change."""
        output = f'--output=jsonpath={{{field}}}{{"\\n"}}'
        command = self._kubectl_command("get", kinds, "--all-namespaces", "--watch", output, *arguments)
        folder = self.base / "kubectl"
        folder.mkdir(exist_ok=True)
        log = folder / f"watched-{len(list(folder.glob('watched-*')))}"
        with log.open("wb") as lines:
            process = subprocess.Popen(command, env=self.project.environment, stdout=lines)
            try:
                wait_until(lambda: log.stat().st_size > 0, f"the first of {kinds}")
                yield lambda: log.read_text(encoding="utf-8").splitlines()
            finally:
                process.kill()
                process.wait()

    def get(self, kinds: str, *arguments: str) -> list[Json]:
        """The objects of these kinds, in all namespaces."""
        return json.loads(self.kubectl("get", kinds, "--all-namespaces", "--output=json", *arguments))["items"]

    def of_workspace(self, workspace: str) -> list[Json]:
        """The objects that Pulumi made of a workspace, its Namespace included."""
        found = self.get(KINDS, f"--selector={STACK_LABEL},modelyard.dev/workspace={workspace}")
        # A CronJob's Jobs carry its labels, and a new one may appear at any minute.
        return [each for each in found if "ownerReferences" not in each["metadata"]]

    def one(self, kind: str, workload: str) -> Json:
        """The only object of a kind that belongs to a workload, which is named `WORKSPACE-NAME`."""
        found = self.get(kind, f"--selector=app.kubernetes.io/instance={workload}")
        assert len(found) == 1, f"{len(found)} {kind} of {workload}, not 1"
        return found[0]

    def processes(self) -> list[psutil.Process]:
        """Live processes that have anything of this stack on their command line: its cluster's, above all."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter(["cmdline", "status"]):
            arguments: list[str] = process.info["cmdline"] or []
            if any(f"{self.base}/" in each for each in arguments) and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found

    def plugins(self, part: str) -> list[psutil.Process]:
        """Processes of the update under way whose command holds `part`."""
        return [psutil.Process(each.pid) for each in self.project.processes() if part in each.command]

    def daemons(self, *names: str) -> list[psutil.Process]:
        """The cluster's processes; those of these components only, where given."""
        found = {Path(each.cmdline()[0]).name: each for each in self.processes() if "/clusters/" in each.cmdline()[0]}
        return [found[name] for name in names] if names else list(found.values())

    def kill_daemons(self, *names: str) -> None:
        """SIGKILL the cluster's processes, or these of them."""
        killed = self.daemons(*names)
        for daemon in killed:
            daemon.kill()
        psutil.wait_procs(killed, timeout=10)

    @contextmanager
    def frozen(self, daemon: str) -> Generator[None]:
        """Stop a component of the cluster for the time of the block, without ending it."""
        [process] = self.daemons(daemon)
        process.suspend()
        try:
            yield
        finally:
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def files(self) -> set[str]:
        """The files in the stack's folder but what Pulumi, Python and kubectl keep for themselves."""
        kept = ("scratch/home/", "scratch/backend/", "scratch/runs/", "kubectl/")
        files = (str(path.relative_to(self.base)) for path in self.base.rglob("*") if not path.is_dir())
        return {file for file in files if not file.startswith(kept) and "__pycache__" not in file}

    def close(self) -> None:
        """End whatever runs of it."""
        self.project.close()
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        wait_until(lambda: not self.processes(), "the end of the cluster")


@contextmanager
def local_stack(
    base: Path,
    spec: Json,
    *,
    crds: Path | None = None,
    secrets: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    virtualenv: Path | None = None,
) -> Generator[LocalStack]:
    """The stack before its first update, from what `LocalStack` takes; whatever runs of it ends with the block.

    Where `spec` has no cluster its nodes are simulated, and kinds that charts bring have their schemas from `crds`.
    """
    simulated: Json = {"engine": "kwok", **({"crds": str(crds)} if crds else {})}
    made = LocalStack(
        base,
        {"cluster": {"local": simulated}, **spec},
        secrets=secrets,
        environment=environment,
        virtualenv=virtualenv,
    )
    try:
        yield made
    finally:
        made.close()


def write_stack_project(folder: Path, virtualenv: Path | None = None) -> None:
    (folder / "stacks").mkdir(parents=True)
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    shutil.copy(ROOT / "stacks" / "__main__.py", folder / "stacks")
    shutil.copytree(ROOT / "tools" / "stack", folder / "tools" / "stack", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".venv").symlink_to(virtualenv or warm_environment())
    (folder / "stacks" / ".venv").symlink_to("../.venv")


def write_stack_file(path: Path, spec: Json) -> None:
    """Make this the stack of the configuration in `path`; whatever else is configured stays."""
    content: Json = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    content.setdefault("config", {})["modelyard:stack"] = spec
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def is_listening(port: int) -> bool:
    """Whether anything listens on the port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def comparable(objects: list[Json], workspace: str) -> list[str]:
    """Objects as texts that are equal for two workspaces of the same spec: generated parts and names taken out."""
    return sorted(_comparable(each, workspace) for each in objects)


def _comparable(each: Json, workspace: str) -> str:
    metadata: Json = each["metadata"]
    kept: Json = {key: value for key, value in each.items() if key not in {"metadata", "status"}}
    kept["metadata"] = {key: metadata.get(key) for key in ("name", "namespace", "labels")}
    if each["kind"] == "Service":
        kept["spec"] = {key: value for key, value in each["spec"].items() if not key.startswith("clusterIP")}
    text = _GENERATED.sub("", _UUID.sub("UID", json.dumps(kept, sort_keys=True)))
    return re.sub(rf"\b{workspace}\b", "WORKSPACE", text)


def in_state(resources: list[Json]) -> set[str]:
    """The objects on the cluster among the resources of a state: kind, namespace and name."""
    return {
        f"{each['outputs']['kind']} {each['id'] if '/' in each['id'] else '/' + each['id']}"
        for each in resources
        if each["type"].startswith("kubernetes:")
    }


def uids(objects: list[Json]) -> dict[str, str]:
    """Which objects they are: uid by kind, namespace and name."""
    metadata = [(each["kind"], each["metadata"]) for each in objects]
    return {f"{kind} {each.get('namespace', '')}/{each['name']}": each["uid"] for kind, each in metadata}
