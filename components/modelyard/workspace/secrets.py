"""A workspace's Secrets: their values come from the stack's own configuration, encrypted there and in the state."""

from collections.abc import Iterator, Mapping

import pulumi
import pulumi_kubernetes as k8s

from modelyard.errors import Problem
from modelyard.workspace.spec import SecretSpec

SECRET_KEY = "value"  # noqa: S105  # the key's name, no secret
"""The one key of every Secret that a workspace makes."""

_NAMESPACE = "modelyard"


def secret_problems(secrets: Mapping[str, SecretSpec]) -> Iterator[Problem]:
    """Secrets that the stack's configuration does not have, or has in clear text. No message shows a value."""
    config = pulumi.Config(_NAMESPACE)
    for name, spec in secrets.items():
        key = _config_key(spec)
        full_key = config.full_key(key)
        path = f"secrets.{name}.from"
        fix = f"run: pulumi config set --secret {full_key}"
        if pulumi.runtime.get_config(full_key) is None:
            yield Problem(path=path, why=f"the stack has no configuration {full_key}", fix=fix)
        elif not pulumi.runtime.is_config_secret(full_key):
            yield Problem(path=path, why=f"{full_key} is in clear text in the stack's configuration", fix=fix)


def make_secret(
    logical_name: str, spec: SecretSpec, metadata: k8s.meta.v1.ObjectMetaArgs, opts: pulumi.ResourceOptions
) -> k8s.core.v1.Secret:
    """An immutable Secret under a generated name: a new value makes a new Secret, and so rolls exactly its users."""
    return k8s.core.v1.Secret(
        logical_name,
        metadata=metadata,
        type="Opaque",
        immutable=True,
        string_data={SECRET_KEY: pulumi.Config(_NAMESPACE).require_secret(_config_key(spec))},
        opts=opts,
    )


def _config_key(spec: SecretSpec) -> str:
    return spec.from_.removeprefix("config/")
