"""A program that makes every component, and uses what each gives out."""

from collections.abc import Mapping

import pulumi

from modelyard import (
    Accelerators,
    AksCluster,
    ArgoRollouts,
    BatchJob,
    BatchJobSpec,
    BoundIdentity,
    Cluster,
    ClusterTraits,
    ConfigError,
    EksCluster,
    ExistingCluster,
    ExistingSpec,
    Gateway,
    GkeCluster,
    Keda,
    KServe,
    LeaderWorkerSets,
    LocalCluster,
    LocalSpec,
    MetricsSpec,
    MLStack,
    ModelService,
    Monitoring,
    ObjectStore,
    ObjectStoreSpec,
    Operator,
    Pool,
    Priorities,
    Problem,
    Queues,
    ScheduledJob,
    StackOutputs,
    StoreAccess,
    TrainingJob,
    Workspace,
    WorkspaceObjectStoreSpec,
    WorkspaceSpec,
)
from modelyard.operators.definition import OperatorDefinition
from tests.typing.accepts import specs


def whole_stack() -> None:
    """From the stack's file, and from Python."""
    MLStack.from_config().outputs.export()
    made = MLStack("prod", specs.stack, pulumi.ResourceOptions(protect=True))
    url: pulumi.Output[str] = made.outputs.services.apply(lambda services: services["chat/assistant"])
    pulumi.export("url", url)
    team: Workspace = made.workspaces["chat"]
    pulumi.export("namespace", team.namespace)
    monitoring: Monitoring | None = made.monitoring
    assert monitoring


def clusters() -> list[Cluster]:
    """Every kind of cluster is a Cluster."""
    eks: Cluster = EksCluster("eks", specs.eks, specs.pools, charts=specs.stack.platform.charts)
    local: Cluster = LocalCluster("local", LocalSpec(), specs.pools)
    existing: Cluster = ExistingCluster("existing", ExistingSpec(context="on-prem"), specs.pools)
    gke: Cluster = GkeCluster("gke", specs.gke, specs.pools)
    aks: Cluster = AksCluster("aks", specs.aks, specs.pools)
    return [local, existing, eks, gke, aks]


def parts(cluster: Cluster) -> None:
    """Each component on its own, on whatever cluster."""
    traits: ClusterTraits = cluster.traits
    pools: Mapping[str, Pool] = cluster.pools
    assert traits.metrics_api_available
    assert pools["h100"].gpus_per_node
    monitoring = Monitoring("monitoring", cluster, MetricsSpec())
    team = Workspace("chat", cluster, WorkspaceSpec())
    keda = Keda("keda", cluster, monitoring=monitoring)
    service = ModelService("assistant", team, specs.assistant, monitoring=monitoring, keda=keda)
    job = BatchJob("embed", team, specs.embed, pulumi.ResourceOptions(depends_on=[service]))
    runs = ScheduledJob("nightly", team, specs.nightly)
    training = TrainingJob("finetune", team, specs.finetune)
    names: list[pulumi.Output[str]] = [service.url, service.service_name, job.job_name, training.service_name]
    pulumi.export("names", names)
    assert runs


def object_store(cluster: Cluster) -> pulumi.Output[str]:
    """A bucket that the pods of a service account may write to, on a cluster with accelerators."""
    agents = Accelerators("accelerators", cluster)
    made: ObjectStore = cluster.object_store("models", ObjectStoreSpec(expire_after_days=30))
    access = [StoreAccess(store=made, write=True)]
    bound: BoundIdentity = cluster.workload_identity(
        "loader", namespace="chat", service_account="loader", permissions=access
    )
    stores = {"models": WorkspaceObjectStoreSpec(access="write")}
    chat = Workspace(
        "chat", cluster, WorkspaceSpec(object_stores=stores), pulumi.ResourceOptions(depends_on=[agents, *bound.ready])
    )
    pulumi.export("models", chat.object_stores["models"].url)
    return made.url


def shared(cluster: Cluster) -> pulumi.Output[str] | None:
    """A gateway and queues, and who uses them."""
    gateway = Gateway("gateway", cluster, specs.gateway)
    queues = Queues("queues", cluster, specs.queues)
    priorities = Priorities("priorities", cluster, specs.priorities)
    sets = LeaderWorkerSets("sets", cluster)
    rollouts = ArgoRollouts("rollouts", cluster, gateway=gateway)
    kserve = KServe("kserve", cluster)
    team = Workspace("lab", cluster, WorkspaceSpec(queues=["research"]), queues=queues, priorities=priorities)
    ranker = ModelService("ranker", team, specs.ranker, gateway=gateway, argo_rollouts=rollouts, kserve=kserve)
    address: pulumi.Output[str] = gateway.address
    pulumi.export("address", address)
    for name, spec in {"coder": specs.coder, "embedder": specs.embedder, "scorer": specs.scorer}.items():
        ModelService(name, team, spec, leader_worker_sets=sets)
    return ranker.route_url


def operator(cluster: Cluster, definition: OperatorDefinition) -> None:
    """An operator of a definition of one's own."""
    installed = Operator("own", cluster, definition, values={"replicas": 1})
    namespace: str = installed.namespace_name
    assert namespace


def another_stack() -> pulumi.Output[Mapping[str, str]]:
    """The outputs of a stack in another program."""
    outputs = StackOutputs.of(pulumi.StackReference("org/ml/prod"))
    name: pulumi.Output[str] = outputs.cluster_name
    pulumi.export("cluster", name)
    return outputs.services


def errors(spec: BatchJobSpec) -> list[Problem]:
    """What is wrong with a spec."""
    try:
        BatchJob("embed", Workspace("chat", clusters()[0], WorkspaceSpec()), spec)
    except ConfigError as error:
        return [problem for problem in error.problems if problem.path.startswith("pool")]
    return []
