"""The provider's arguments (`ProviderArgs`) as the engine passes them to Configure."""

# ruff: noqa: SIM905 - long tables of words read better as text

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tools.offline.common.values import Json, as_map

_PREFIX = "kubernetes:config:"
_DEFAULT_REQUESTS_PER_SECOND = 50.0
_DEFAULT_BURST = 120
# Engine-side keys that travel with a provider's own arguments.
_ENGINE_KEYS = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "__internal"})
_KNOWN_KEYS = frozenset(
    "alwaysRender cluster clusterIdentifier context deleteUnreachable enableConfigMapMutable enablePatchForce "
    "enableSecretMutable enableServerSideApply helmReleaseSettings kubeClientSettings kubeconfig namespace "
    "renderYamlToDirectory skipUpdateUnreachable strictMode suppressDeprecationWarnings suppressHelmHookWarnings "
    "upsertExistingObjects".split()
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The arguments that change what the provider does; each flag falls back to the real provider's variable."""

    kubeconfig: str
    context: str | None
    cluster: str | None
    namespace: str
    delete_unreachable: bool
    skip_update_unreachable: bool
    upsert_existing_objects: bool
    config_map_mutable: bool
    secret_mutable: bool
    patch_force: bool
    suppress_deprecation_warnings: bool
    suppress_helm_hook_warnings: bool
    requests_per_second: float
    burst: int
    timeout_seconds: float | None


def read_settings(variables: Mapping[str, str]) -> Settings:
    """Reads Configure's variables.

    Raises:
        ValueError: a number or JSON value cannot be read.
    """
    given = {key.removeprefix(_PREFIX): value for key, value in variables.items() if key.startswith(_PREFIX)}
    client = _json_object(given, "kubeClientSettings")

    def flag(key: str, variable: str) -> bool:
        return (given[key] if key in given else os.environ.get(variable, "")) == "true"

    def number(key: str, variable: str) -> float | None:
        value = client.get(key, os.environ.get(variable) or None)
        try:
            return None if value is None else float(value)
        except (TypeError, ValueError):
            raise ValueError(f"kubeClientSettings.{key} (or {variable}) must be a number, not {value!r}") from None

    return Settings(
        kubeconfig=given.get("kubeconfig", ""),
        context=given.get("context") or None,
        cluster=given.get("cluster") or None,
        namespace=given.get("namespace", ""),
        delete_unreachable=flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
        skip_update_unreachable=flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
        upsert_existing_objects=flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
        config_map_mutable=flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
        secret_mutable=flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
        patch_force=flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
        suppress_deprecation_warnings=flag("suppressDeprecationWarnings", "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS"),
        suppress_helm_hook_warnings=flag("suppressHelmHookWarnings", "PULUMI_K8S_SUPPRESS_HELM_HOOK_WARNINGS"),
        requests_per_second=number("qps", "PULUMI_K8S_CLIENT_QPS") or _DEFAULT_REQUESTS_PER_SECOND,
        burst=int(number("burst", "PULUMI_K8S_CLIENT_BURST") or _DEFAULT_BURST),
        timeout_seconds=number("timeout", "PULUMI_K8S_CLIENT_TIMEOUT"),
    )


def _json_object(given: Mapping[str, str], key: str) -> Json:
    if key not in given:
        return {}
    try:
        return as_map(json.loads(given[key]))
    except ValueError:
        raise ValueError(f"the provider's {key} is not a JSON object") from None


def _is_on(value: object) -> bool:
    return value is True or value == "true"


def unsupported(arguments: Json, *, is_default_provider: bool) -> Iterator[tuple[str, str]]:
    """(argument, reason) for everything that this provider does not do, or does not know."""
    for key in sorted(arguments.keys() - _KNOWN_KEYS - _ENGINE_KEYS):
        yield key, f"{key!r} is no argument of the kubernetes provider; its arguments: {', '.join(sorted(_KNOWN_KEYS))}"
    if arguments.get("renderYamlToDirectory"):
        yield "renderYamlToDirectory", "the stand-in provider does not render YAML; use the real kubernetes provider"
    elif _is_on(arguments.get("alwaysRender")):
        yield "alwaysRender", '"alwaysRender" requires "renderYamlToDirectory" to be set'
    server_side = arguments.get("enableServerSideApply", os.environ.get("PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY"))
    if server_side is False or server_side == "false":
        yield (
            "enableServerSideApply",
            "the stand-in provider updates by server-side apply only; leave the argument out, or use the real provider",
        )
    if _is_on(arguments.get("strictMode")):
        yield from _strict(arguments, is_default_provider)


def _strict(arguments: Json, is_default_provider: bool) -> Iterator[tuple[str, str]]:
    if is_default_provider:
        yield "", "strict mode prohibits default provider"
    for key in ("kubeconfig", "context"):
        if not arguments.get(key):
            yield key, f'strict mode requires Provider "{key}" argument'
