"""Kinds without what acts on them: registered, so that the API server accepts their objects."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from modelyard.component import ProgramConfigError
from modelyard.errors import ConfigError
from modelyard.operators.crds import Crd, crds_in, permissive_crd
from modelyard.operators.deep_messages import allow_deep_messages
from modelyard.operators.definition import Kind


def registrable(name: str, kinds: Sequence[Kind], folder: str | None) -> list[Crd]:
    """The CustomResourceDefinitions of these kinds, in their order.

    Args:
        name: the Pulumi name of the component that they are for, as the path of problems.
        kinds: which.
        folder: where they are; None for permissive ones.

    Raises:
        ConfigError: the folder cannot be used.
    """
    if folder is None:
        return [permissive_crd(kind) for kind in kinds]
    try:
        allow_deep_messages()
        return crds_in(folder, kinds)
    except ConfigError as error:
        raise ProgramConfigError(problem.under(name) for problem in error.problems) from None


def register_kind(
    name: str,
    crd: Crd,
    *,
    labels: Mapping[str, str],
    parent: pulumi.Resource,
    provider: k8s.Provider,
    ends_with: pulumi.Resource | None,
) -> k8s.apiextensions.CustomResource:
    """Register one kind.

    Args:
        name: the Pulumi name of the component that it belongs to.
        crd: the kind.
        labels: further labels of it.
        parent: the component.
        provider: through which objects on the cluster are made.
        ends_with: what it ends with without a call of its own, as it runs nothing; None where that stays.
    """
    metadata = crd["metadata"]
    # As a custom resource its schema goes to the API server as it is, without a pass through typed arguments.
    return k8s.apiextensions.CustomResource(
        f"{name}-{crd['spec']['names']['plural']}",
        api_version="apiextensions.k8s.io/v1",
        kind="CustomResourceDefinition",
        metadata=k8s.meta.v1.ObjectMetaArgs(
            name=metadata["name"],
            labels={**metadata.get("labels", {}), **labels},
            annotations=metadata.get("annotations"),
        ),
        spec=crd["spec"],
        opts=pulumi.ResourceOptions(parent=parent, provider=provider, deleted_with=ends_with),
    )
