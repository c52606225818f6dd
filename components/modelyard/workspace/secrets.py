"""A workspace's Secrets: their values come from the stack's own configuration, encrypted there and in the state."""

from collections.abc import Iterable, Iterator, Mapping

import pulumi
import pulumi_kubernetes as k8s

from modelyard.errors import Problem
from modelyard.workspace.spec import MOST_BYTES, SecretSpec, config_key

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


def secret_size_problems(secrets: Mapping[str, SecretSpec]) -> Iterator[Problem]:
    """Secrets whose value is larger than the API server takes. No message shows a value."""
    config = pulumi.Config(_NAMESPACE)
    for name, secret in secrets.items():
        value = pulumi.runtime.get_config(config.full_key(config_key(secret))) or ""
        if (size := len(value.encode())) > MOST_BYTES:
            why = f"the value of modelyard:{config_key(secret)} has {size:,} bytes, and a Secret holds {MOST_BYTES:,}"
            yield Problem(path=f"secrets.{name}.from", why=why, fix="use a smaller value, or divide it into several")


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
