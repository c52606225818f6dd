"""What a workspace has of the platform's queues."""

from modelyard.platform.queues import Queues
from modelyard.platform.queues_spec import QueueQuotaSpec, QueueSpec
from modelyard.workspace.spec import FabricSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import BareCluster
from tests.support.mocks import Recorded, refused, run

QUEUES = {name: QueueSpec(pools={"h100": QueueQuotaSpec(gpus=8)}) for name in ("research", "production")}
LABEL = "modelyard.dev/queues"


def made(spec: WorkspaceSpec) -> Recorded:
    def program() -> None:
        cluster = BareCluster()
        Workspace("chat", cluster, spec, queues=Queues("queues", cluster, QUEUES))

    return run(program)


def namespace_labels(recorded: Recorded) -> dict[str, str | None]:
    return {
        each.name: each.inputs["metadata"]["labels"].get(LABEL)
        for each in recorded.of("Namespace")
        if each.name.startswith("chat")
    }


def test_jobs_get_into_the_queues_that_the_workspace_names() -> None:
    recorded = made(WorkspaceSpec(queues=["research"]))
    queue = recorded.one("LocalQueue")
    assert queue.inputs["metadata"]["name"] == "research"
    assert queue.inputs["metadata"]["namespace"] == "chat"
    assert queue.inputs["spec"] == {"clusterQueue": "research"}
    urns = {each.inputs["metadata"]["name"]: each.urn for each in recorded.of("ClusterQueue")}
    assert urns["research"] in queue.depends_on
    assert urns["production"] not in queue.depends_on
    assert namespace_labels(recorded) == {"chat": "true"}


def test_a_workspace_without_queues_does_without_kueue() -> None:
    recorded = made(WorkspaceSpec())
    assert recorded.of("LocalQueue") == []
    assert namespace_labels(recorded) == {"chat": None}


def test_the_companion_has_the_same_queues() -> None:
    recorded = made(WorkspaceSpec(queues=["research", "production"], fabric=FabricSpec()))
    found = {
        (each.inputs["metadata"]["namespace"], each.inputs["metadata"]["name"]) for each in recorded.of("LocalQueue")
    }
    assert found == {(space, name) for space in ("chat", "chat-fabric") for name in QUEUES}
    assert namespace_labels(recorded) == {"chat": "true", "chat-fabric": "true"}


def test_a_queue_that_there_is_not_is_refused() -> None:
    spec = WorkspaceSpec(queues=["research", "reserch"])

    def program() -> None:
        cluster = BareCluster()
        Workspace("chat", cluster, spec, queues=Queues("queues", cluster, QUEUES))

    line = "'reserch' is no queue of this stack; use one of production, research, or add it under platform.queues"
    assert str(refused(program, "modelyard:workspace:Workspace")) == f"chat.queues[1]: {line}"


def test_without_the_queues_there_is_none_to_name() -> None:
    error = refused(
        lambda: Workspace("chat", BareCluster(), WorkspaceSpec(queues=["research"])), "modelyard:workspace:Workspace"
    )
    assert str(error) == "chat.queues[0]: 'research' is no queue of this stack; add it under platform.queues"
    assert run(lambda: Workspace("chat", BareCluster(), WorkspaceSpec())).of("LocalQueue") == []
