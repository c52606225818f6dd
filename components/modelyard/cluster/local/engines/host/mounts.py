"""What is mounted below a folder, and how to end it."""

import os
import re
from pathlib import Path

from modelyard.cluster.local.engines.host.commands import attempt, run
from modelyard.cluster.local.folder import LocalClusterError

_MOUNTS = Path("/proc/self/mountinfo")


def bind(source: Path, target: Path) -> None:
    """Show the folder `source` at `target` too, making both if need be."""
    source.mkdir(parents=True, exist_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    if target not in _mount_points():
        run("mount", "--bind", str(source), str(target))


def unmount_below(root: Path) -> None:
    """Unmount everything below `root`, the inner mounts first.

    Raises:
        LocalClusterError: something cannot be unmounted.
    """
    while below := [each for each in _mount_points() if each.is_relative_to(root)]:
        done = attempt("umount", "--lazy", str(below[-1]))
        if done.returncode != 0 and below[-1] in _mount_points():
            raise LocalClusterError(f"{below[-1]} cannot be unmounted: {done.stderr.strip()}")


def _mount_points() -> list[Path]:
    return [Path(os.fsdecode(_plain(line.split(b" ")[4]))) for line in _MOUNTS.read_bytes().splitlines()]


def _plain(written: bytes) -> bytes:
    """Spaces and the like are written as \\040. https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html"""
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), written)
