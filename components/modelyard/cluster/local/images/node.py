"""Images on the node of a local cluster."""

from pathlib import Path

from modelyard.cluster.local import lifecycle
from modelyard.cluster.local.folder import LocalClusterError, cluster_folder, locked, read_record


def is_present(cluster: str, reference: str) -> bool:
    """Whether the node of a cluster that runs has the image."""
    folder = cluster_folder(cluster)
    record = read_record(folder)
    return record is not None and reference in lifecycle.ENGINES[record.engine].images(cluster, folder)


def load(cluster: str, archive: Path) -> None:
    """Give the node of a cluster that runs the image of an archive.

    Raises:
        LocalClusterError: the cluster is gone, or its node refused the image.
    """
    folder = cluster_folder(cluster)
    with locked(folder):
        record = read_record(folder)
        if record is None:
            raise LocalClusterError(lifecycle.gone(cluster))
        lifecycle.ENGINES[record.engine].load(cluster, folder, archive)
