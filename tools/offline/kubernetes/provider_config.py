"""The provider resource itself: CheckConfig, DiffConfig and Configure."""

import os
import threading
from pathlib import Path

from pulumi.runtime.proto import engine_pb2, provider_pb2

from tools.offline.common.comparison import differences
from tools.offline.common.engine import Engine
from tools.offline.common.errors import ProviderError
from tools.offline.common.values import UNKNOWN, Json, as_map, unmarshal, without_secrets
from tools.offline.kubernetes import kubeconfig
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import ApiError, UnreachableError
from tools.offline.kubernetes.session import Session
from tools.offline.kubernetes.settings import Settings, read_settings, unsupported
from tools.offline.kubernetes.tokens import parse_urn
from tools.offline.kubernetes.transport import RateLimit, Transport

_CLUSTER_KEYS = ("kubeconfig", "context", "cluster")
_Diff = provider_pb2.DiffResponse


def check_config(request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
    """Refuses arguments that this provider does not know or does not implement; none is ignored in silence."""
    arguments = as_map(without_secrets(unmarshal(request.news)))
    is_default = parse_urn(request.urn).name.startswith("default")
    failures = [
        provider_pb2.CheckFailure(property=key, reason=reason)
        for key, reason in unsupported(arguments, is_default_provider=is_default)
    ]
    return provider_pb2.CheckResponse(inputs=request.news, failures=failures)


def diff_config(request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
    """Whether a change of arguments replaces the provider, and with it every object.

    It does if the active cluster of the kubeconfig changes, or may change. With a cluster identifier, that alone
    decides: unchanged, nothing is replaced; changed, everything is. Adding or removing one replaces nothing.
    """
    old = as_map(without_secrets(unmarshal(request.olds)))
    new = as_map(without_secrets(unmarshal(request.news)))
    changed = sorted({str(found.path[0]) for found in differences(old, new)})
    if not changed:
        return _Diff(changes=_Diff.DIFF_NONE)
    before, after = old.get("clusterIdentifier"), new.get("clusterIdentifier")
    replaces = ["clusterIdentifier"] if before and after and before != after else []
    unknown = next((key for key in _CLUSTER_KEYS if new.get(key) is UNKNOWN), None)
    if unknown is not None:
        changed = [unknown]
        replaces.append(unknown)
    elif _cluster_changed(old, new):
        replaces += [key for key in _CLUSTER_KEYS if key in changed]
    if before and before == after and after is not UNKNOWN:
        replaces = []
    return _Diff(changes=_Diff.DIFF_SOME, diffs=changed, replaces=replaces)


def _cluster_changed(old: Json, new: Json) -> bool:
    before, after = _active_cluster(old), _active_cluster(new)
    return before is not None and after is not None and before != after


def _active_cluster(arguments: Json) -> Json | None:
    if not arguments.get("kubeconfig"):
        return None
    try:
        config, _ = kubeconfig.parse(arguments["kubeconfig"])
    except kubeconfig.KubeconfigError as error:
        raise ProviderError(f"failed to parse kubeconfig: {error}") from None
    return kubeconfig.active_cluster(config, context=arguments.get("context"), cluster=arguments.get("cluster"))


def configure(variables: dict[str, str], engine: Engine, urn: str, cancelled: threading.Event) -> Session:
    """A session with the cluster that the arguments name; one without a client if that cannot be reached.

    Raises:
        ProviderError: an argument cannot be read.
    """
    try:
        settings = read_settings(variables)
    except ValueError as error:
        raise ProviderError(str(error)) from None
    _warn_about_settings(variables, engine, urn)
    session = Session(
        settings=settings,
        engine=engine,
        client=None,
        unreachable="",
        default_namespace=settings.namespace,
        cancelled=cancelled,
    )
    try:
        config, folder = _load(settings)
        connection = kubeconfig.connection(config, folder, context=settings.context, cluster=settings.cluster)
        session.default_namespace = settings.namespace or connection.namespace
        session.client = _connect(connection, settings)
    except kubeconfig.KubeconfigError as error:
        session.unreachable = f"the kubeconfig cannot be used: {error}"
    except (UnreachableError, ApiError) as error:
        session.unreachable = f"unable to load schema information from the API server: {error}"
    return session


def _load(settings: Settings) -> tuple[Json, Path]:
    return kubeconfig.parse(settings.kubeconfig) if settings.kubeconfig else kubeconfig.ambient()


def _connect(connection: kubeconfig.Connection, settings: Settings) -> Client:
    limit = RateLimit(per_second=settings.requests_per_second, burst=settings.burst)
    client = Client(Transport(connection, limit=limit, timeout_seconds=settings.timeout_seconds))
    client.server_version()
    return client


def _warn_about_settings(variables: dict[str, str], engine: Engine, urn: str) -> None:
    def warn(message: str) -> None:
        engine.log(engine_pb2.WARNING, message, urn=urn)

    if "kubernetes:config:helmReleaseSettings" in variables:
        warn("helmReleaseSettings has no effect: the stand-in provider records Helm releases and installs none")
    if os.environ.get("PULUMI_K8S_AWAIT_ALL") == "true":
        warn("PULUMI_K8S_AWAIT_ALL has no effect: the stand-in provider waits for the kinds it knows, and for waitFor")
