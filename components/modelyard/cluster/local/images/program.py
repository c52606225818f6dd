"""Images of one static program of this machine, which need no builder."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from modelyard.cluster.local import programs
from modelyard.cluster.local.engines.host.containerd import write_image
from modelyard.cluster.local.folder import LocalClusterError, cluster_folder
from modelyard.cluster.local.images import node
from modelyard.errors import Problem

_REGISTRY = "modelyard.dev"
"""No registry: nothing is ever pulled from it."""
_ABSENT = "absent"
_FIX = "run `make up`, which builds it, or `make env` and the line that it prints, which put it on PATH"


def reference_of(program: str) -> str:
    """The image's reference: another for another program file, so that pods are replaced by those of the new one.

    Its size and time stand for its content, which is hundreds of megabytes.
    """
    found = shutil.which(program)
    if found is None:
        return f"{_REGISTRY}/{program}:{_ABSENT}"
    status = Path(found).stat()
    return f"{_REGISTRY}/{program}:{status.st_size:x}-{status.st_mtime_ns:x}"


def problems(program: str) -> Iterator[Problem]:
    """Why there can be no image of it on this machine."""
    return programs.missing([program], _FIX)


def load(cluster: str, program: str, reference: str) -> None:
    """Give the node of a cluster that runs the image of a program on PATH.

    Raises:
        LocalClusterError: the program was changed meanwhile, the cluster is gone, or its node refused the image.
    """
    if reference_of(program) != reference:
        raise LocalClusterError(f"{program} was changed after the update had begun; run the update again")
    with tempfile.TemporaryDirectory(dir=cluster_folder(cluster), prefix="image-") as folder:
        archive = Path(folder) / "image.tar"
        write_image(archive, reference, Path(str(shutil.which(program))))
        node.load(cluster, archive)
