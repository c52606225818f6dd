"""A workspace's Secrets: their values come from the stack's own configuration, encrypted there and in the state."""

from collections.abc import Iterable, Mapping

import pulumi
import pulumi_kubernetes as k8s

from modelyard.workspace.spec import SecretSpec, config_key

SECRET_KEY = "value"  # noqa: S105  # the key's name, no secret
"""The one key of every Secret that a workspace makes."""

_NAMESPACE = "modelyard"


def stack_keys(secrets: Iterable[SecretSpec]) -> dict[str, bool]:
    """Which of the keys that these secrets need the stack's configuration has, and whether each is encrypted."""
    config = pulumi.Config(_NAMESPACE)
    names = {key: config.full_key(key) for key in map(config_key, secrets)}
    return {
        key: pulumi.runtime.is_config_secret(name)
        for key, name in names.items()
        if pulumi.runtime.get_config(name) is not None
    }


def make_secret(
    logical_name: str,
    values: Mapping[str, SecretSpec],
    metadata: k8s.meta.v1.ObjectMetaArgs,
    opts: pulumi.ResourceOptions,
) -> k8s.core.v1.Secret:
    """An immutable Secret under a generated name: a new value makes a new Secret, and so rolls exactly its users.

    Args:
        logical_name: the Pulumi name.
        values: where its values come from, by their keys in it.
        metadata: without a name.
        opts: Pulumi's options.
    """
    config = pulumi.Config(_NAMESPACE)
    return k8s.core.v1.Secret(
        logical_name,
        metadata=metadata,
        type="Opaque",
        immutable=True,
        string_data={key: config.require_secret(config_key(spec)) for key, spec in values.items()},
        opts=opts,
    )
