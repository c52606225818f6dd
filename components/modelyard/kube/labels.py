"""The labels that every object carries, and the few of them that may stand in a selector.

A Deployment's selector can never change, so these keys are a public contract: docs/adr/0002-names-labels-selectors.md.
"""

import pulumi

from modelyard.kube.names import stack_label_value

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
PART_OF = "app.kubernetes.io/part-of"
MANAGED_BY = "app.kubernetes.io/managed-by"
STACK = "modelyard.dev/stack"
"""The stack that made an object: `project.stack`, shortened where it exceeds a label."""
WORKSPACE = "modelyard.dev/workspace"
"""The workspace that an object belongs to."""
VARIANT = "modelyard.dev/variant"
"""Which of a service's Deployments a pod belongs to. The first is `main`."""
CAPACITY = "modelyard.dev/capacity"
"""On pods whose machines come when the cloud has some: `flex-start`. An alert lets them wait."""
GATEWAY = "modelyard.dev/gateway"
"""`"true"` on a namespace whose pods may open connections into workspaces: that of the gateway."""
MAIN_VARIANT = "main"
METRICS = "modelyard.dev/metrics"
"""On a Service by which Prometheus reads the pods behind it: the name of the port that it reads."""
METRICS_PATH = "modelyard.dev/metrics-path"
"""Annotation of such a Service: the path that it reads."""
MODEL_RUN = "modelyard.dev/model-run"
"""Annotation of pods that read an artifact: the Job that wrote it, so that another run replaces them."""
FOLDER_RUN = "modelyard.dev/folder-run"
"""The same of what pods read beside their model; after a dot follows its key in the workload's spec."""
VERIFIED_VERSION = "modelyard.dev/verified-version"
"""Annotation of a verification's pod: what changes with the version that it asks, so that another one is asked anew."""


def labels(
    name: str, *, instance: str, component: str, workspace: str | None = None, variant: str | None = None
) -> dict[str, str]:
    """The labels of an object, or of a pod.

    Args:
        name: the workload's own name: `assistant`.
        instance: its logical name, unique in the stack: `chat-assistant`.
        component: the role: `model-service`, `batch-job`, `workspace`.
        workspace: None for what the platform brings.
        variant: only on what belongs to one Deployment of several.
    """
    return {
        **selector(name, instance=instance, component=component, variant=variant),
        PART_OF: workspace or "modelyard",
        MANAGED_BY: "pulumi",
        STACK: stack_label_value(pulumi.get_project(), pulumi.get_stack()),
        **({WORKSPACE: workspace} if workspace else {}),
    }


def selector(name: str, *, instance: str, component: str, variant: str | None = None) -> dict[str, str]:
    """The labels by which pods are found: these keys only, since they must never change while a workload lives."""
    return {
        NAME: name,
        INSTANCE: instance,
        COMPONENT: component,
        **({VARIANT: variant} if variant else {}),
    }
