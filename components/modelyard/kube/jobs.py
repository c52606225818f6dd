"""What Jobs share that an update waits for.

https://kubernetes.io/docs/concepts/workloads/controllers/job/
"""

from collections.abc import Mapping

import pulumi_kubernetes as k8s

AWAIT_MARGIN_SECONDS = 120
"""From the end of a Job's time until Kubernetes has ended its pods and says that it failed."""

REPLACE_UNREADY: Mapping[str, str] = {"pulumi.com/replaceUnready": "true"}
"""The annotation of a Job that runs again with the next update where it has not succeeded; otherwise it would have to
be changed.
https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/#pulumicomreplaceunready"""


def lost_nodes_do_not_count() -> k8s.batch.v1.PodFailurePolicyArgs:
    """A pod that lost its node is replaced, and is none of the Job's tries."""
    disrupted = k8s.batch.v1.PodFailurePolicyOnPodConditionsPatternArgs(type="DisruptionTarget", status="True")
    return k8s.batch.v1.PodFailurePolicyArgs(
        rules=[k8s.batch.v1.PodFailurePolicyRuleArgs(action="Ignore", on_pod_conditions=[disrupted])]
    )
