"""A small project on a simulated cloud as a user of the CLI sees it: made, and unchanged after a refresh."""

from collections.abc import Generator
from contextlib import contextmanager

from tests.support.cloud_world import CloudWorld
from tests.support.control_plane import ApiServer
from tests.support.engine import MakeProject, PulumiProject


@contextmanager
def made_project(
    make_project: MakeProject, program: str, world: CloudWorld, server: ApiServer
) -> Generator[PulumiProject]:
    """A project whose program is up; after the block it is destroyed, and nothing may be left of it."""
    project = make_project(program, environment=world.environment(server.kubeconfig))
    preview = project.preview()
    assert "simulated account" in preview.messages("info")
    assert world.left() == [], "a preview makes nothing"
    project.up()
    assert project.up("--refresh").unchanged, "a refresh makes no difference"
    yield project
    project.destroy()
    assert world.left() == []
