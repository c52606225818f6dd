"""Which cluster has this machine: two would share its cgroup, its rules and its processor, and know nothing of it."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from modelyard.cluster.local.engines.host import cleanup
from modelyard.cluster.local.engines.host.machine import RUN
from modelyard.cluster.local.folder import LocalClusterError, locked, read_record

_FILE = RUN / "cluster.json"
_SETTINGS = (
    # Pods are routed.
    "net/ipv4/ip_forward",
    # Set by every kubelet. Source: pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
_KERNEL = Path("/proc/sys")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A cluster that has this machine.

    Attributes:
        name: the cluster's name.
        folder: its folder.
        settings: what the kernel's settings were before, by their path below `/proc/sys`.
    """

    name: str
    folder: str
    settings: dict[str, str]


def take(name: str, folder: Path) -> None:
    """Have this machine for a cluster, and remember the kernel's settings. What a lost cluster left is removed.

    Raises:
        LocalClusterError: another cluster has it.
    """
    with locked(RUN):
        claim = _read()
        if claim and claim.folder == str(folder):
            return
        # Also a cluster of this name in another folder is another: that of somebody with another home.
        refusal = other(())
        if refusal:
            raise LocalClusterError(refusal)
        if claim:
            _clear(Path(claim.folder), claim.settings)
        settings = {each: _value(each) for each in _SETTINGS if (_KERNEL / each).exists()}
        _write(Claim(name=name, folder=str(folder), settings=settings))


def is_held(folder: Path) -> bool:
    """Whether the cluster in `folder` has this machine."""
    claim = _read()
    return claim is not None and claim.folder == str(folder)


def is_ours(own: Collection[str]) -> bool:
    """Whether one of these clusters has this machine."""
    claim = _read()
    return claim is not None and claim.name in own


def other(own: Collection[str]) -> str | None:
    """What to say where another cluster than these has this machine; None where there is none, or its data is gone."""
    claim = _read()
    if claim is None or claim.name in own:
        return None
    folder = Path(claim.folder)
    if read_record(folder) is None:
        return None
    return (
        f"this machine has the real node of the local cluster {claim.name} ({folder}), and can have one only; destroy "
        "the stack that made it, or set engine: kwok"
    )


def release(folder: Path) -> None:
    """Remove everything of the cluster in `folder` from this machine, whatever there is of it."""
    cleanup.end(folder)  # also of one that was refused the machine
    with locked(RUN):
        claim = _read()
        # After a restart of the machine no cluster has it, and the kernel's settings are its own again.
        if claim is None or claim.folder == str(folder):
            _clear(folder, claim.settings if claim else {})
            cleanup.remove_run_folder()


def _clear(folder: Path, settings: Mapping[str, str]) -> None:
    cleanup.remove(folder)
    for each, value in settings.items():
        if _value(each) != value:
            (_KERNEL / each).write_text(value, encoding="utf-8")
    _FILE.unlink(missing_ok=True)


def _write(claim: Claim) -> None:
    draft = _FILE.with_suffix(".new")
    draft.write_text(json.dumps(asdict(claim)), encoding="utf-8")
    draft.replace(_FILE)


def _value(setting: str) -> str:
    return (_KERNEL / setting).read_text(encoding="utf-8").strip()


def _read() -> Claim | None:
    try:
        return Claim(**json.loads(_FILE.read_text(encoding="utf-8")))
    except (FileNotFoundError, PermissionError):
        return None  # only root has such a cluster, and can read this
