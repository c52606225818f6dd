"""The cluster autoscaler, which sizes managed node groups by what pods ask for."""

from collections.abc import Sequence

import pulumi

from modelyard.cluster.chart_host import ChartHost
from modelyard.cluster.eks.foundation import Foundation
from modelyard.cluster.eks.identity import Statement, bind, make_pod_role
from modelyard.operators.definition import OperatorDefinition
from modelyard.operators.namespaces import CLUSTER_AUTOSCALER
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec
from modelyard.versions import CLUSTER_AUTOSCALER as CHART
from modelyard.versions import CLUSTER_AUTOSCALER_RELEASES

DEFINITION = OperatorDefinition(name=CLUSTER_AUTOSCALER, chart=CHART, kinds=(), further_namespaces={})
_SERVICE_ACCOUNT = "cluster-autoscaler"
_REGISTRY = "registry.k8s.io/autoscaling/cluster-autoscaler"
_NOBODY = 65534


class EksAutoscaler(pulumi.ComponentResource):
    """The cluster autoscaler of one cluster, with its role.

    It adds nodes to the managed node groups that EKS tags with the cluster's name, and removes nodes that were not
    needed for ten minutes. Among groups that would do it takes the one that leaves the least unused. It runs once: a
    restart takes seconds, in which nothing but new nodes waits.

    Its role reads Auto Scaling groups and machine types, which AWS cannot restrict to some, and changes the size of
    groups with the cluster's tag only.
    https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.35.2/cluster-autoscaler/cloudprovider/aws/README.md
    """

    def __init__(
        self,
        name: str,
        foundation: Foundation,
        *,
        system_ready: Sequence[pulumi.Resource],
        charts: ChartsSpec | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Install the autoscaler.

        Args:
            name: the Pulumi name.
            foundation: what it is made on.
            system_ready: the nodes that it runs on.
            charts: where charts come from.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:EksAutoscaler", name, {}, opts)
        account = foundation.account(self)
        identity = {"namespace": DEFINITION.name, "service_account": _SERVICE_ACCOUNT}
        role = make_pod_role(
            account, "autoscaler", statements=autoscaler_statements(foundation.cluster_name), **identity
        )
        # It has no use for the nodes. With them, the chart is as deep in the graph as those that wait for add-ons, and
        # goes together with them: the engine deletes depth by depth.
        bound = bind(account, "autoscaler", role, cluster=foundation.cluster, before=system_ready, **identity)
        Operator(
            name,
            ChartHost(
                kubernetes_provider=foundation.kubernetes_provider,
                ready=[*system_ready, bound],
                control_plane=foundation.cluster,
            ),
            DEFINITION,
            values=autoscaler_values(
                cluster_name=foundation.cluster_name,
                region=foundation.region,
                release=CLUSTER_AUTOSCALER_RELEASES[foundation.kubernetes_version],
            ),
            charts=charts,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def autoscaler_statements(cluster_name: str) -> list[Statement]:
    """What the autoscaler may do."""
    owned = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster_name}": "owned"}}
    return [
        Statement(
            actions=[
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements",
                "eks:DescribeNodegroup",
            ],
            resources=["*"],
        ),
        Statement(
            actions=["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            resources=["*"],
            conditions=owned,
        ),
    ]


def autoscaler_values(*, cluster_name: str, region: str, release: str) -> dict[str, object]:
    """Values of the autoscaler's chart.

    Args:
        cluster_name: whose node groups it sizes.
        region: where they are.
        release: of the autoscaler itself, of the cluster's minor version.
    """
    return {
        "fullnameOverride": "cluster-autoscaler",
        "cloudProvider": "aws",
        "awsRegion": region,
        "autoDiscovery": {"clusterName": cluster_name},
        "image": {"repository": _REGISTRY, "tag": release},
        "rbac": {"serviceAccount": {"name": _SERVICE_ACCOUNT}},
        "extraArgs": {
            "expander": "least-waste",
            # Otherwise a node with a pod of kube-system, or with a scratch volume as most of ours have, never goes.
            "skip-nodes-with-system-pods": "false",
            "skip-nodes-with-local-storage": "false",
            # On by default, and for good, from 1.35 on.
            "enable-dynamic-resource-allocation": "true",
        },
        "resources": {"requests": {"cpu": "100m", "memory": "600Mi"}, "limits": {"memory": "600Mi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
