"""Mistakes in a program that a type checker shows before it runs."""

import pulumi

from modelyard import (
    BatchJob,
    Cluster,
    LocalCluster,
    MLStack,
    ModelService,
    StackOutputs,
    Workspace,
    WorkspaceSpec,
    WorkspacesSpec,  # error: reportAttributeAccessIssue, reportUnknownVariableType
)
from tests.typing.accepts import specs


class NearlyCluster:
    """It has a name, and nothing else of a cluster."""

    cluster_name: str = "nearly"


nearly: Cluster = NearlyCluster()  # error: reportAssignmentType


def program(cluster: Cluster, team: Workspace) -> None:
    """Each line has one mistake."""
    print(WorkspacesSpec)  # error: reportUnknownArgumentType
    MLStack(specs.stack)  # error: reportCallIssue
    MLStack("prod", specs.workspace)  # error: reportArgumentType
    LocalCluster("local", specs.stack.cluster, specs.pools)  # error: reportArgumentType
    Workspace("chat", WorkspaceSpec())  # error: reportCallIssue
    Workspace("chat", team, WorkspaceSpec())  # error: reportArgumentType
    ModelService("assistant", team, specs.embed)  # error: reportArgumentType
    ModelService("assistant", team, specs.assistant, None, None)  # error: reportCallIssue
    ModelService("assistant", team, specs.assistant, option=None)  # error: reportCallIssue
    BatchJob("embed", team, specs.nightly)  # error: reportArgumentType
    BatchJob("embed", cluster, specs.embed)  # error: reportArgumentType
    BatchJob("embed", team, specs.embed, {"protect": True})  # error: reportArgumentType
    cluster.cluster_name = "other"  # error: reportAttributeAccessIssue
    print(cluster.cloud)  # error: reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType
    url: str = ModelService("assistant", team, specs.assistant).url  # error: reportAssignmentType
    pulumi.export("url", url)
    StackOutputs.of("org/ml/prod")  # error: reportArgumentType
