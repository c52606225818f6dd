"""Images by Docker, where it answers."""

from pathlib import Path

from modelyard.cluster.local.images.workshop import Workshop


def build(workshop: Workshop, *, reference: str, dockerfile: Path, context: Path, archive: Path) -> None:
    """Have Docker build the image and write it to `archive`. Docker keeps its layers, but not the image's name.

    Raises:
        LocalClusterError: it failed; the message has the last lines of what it said.
    """
    workshop.run("docker", "build", "--file", dockerfile, "--tag", reference, context, what="docker build")
    try:
        workshop.run("docker", "save", "--output", archive, reference, what="docker save")
    finally:
        workshop.run("docker", "image", "rm", reference, what="docker image rm")
