"""The provider resource itself: CheckConfig, DiffConfig and Configure."""

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi.runtime.proto import provider_pb2

from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.session import Session, kubeconfig_path, number, open_world
from tools.offline.common.comparison import differences
from tools.offline.common.engine import Engine
from tools.offline.common.errors import ProviderError
from tools.offline.common.values import Json, as_map, unmarshal, without_secrets

# The engine passes these beside the program's own arguments.
_ENGINE_KEYS = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "__internal"})
_Diff = provider_pb2.DiffResponse


def check_config(cloud: Cloud, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
    """Refuses arguments that the simulation does not know; none is ignored in silence."""
    arguments = as_map(without_secrets(unmarshal(request.news)))
    failures = [provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in _problems(cloud, arguments)]
    return provider_pb2.CheckResponse(inputs=request.news, failures=failures)


def _problems(cloud: Cloud, arguments: Json) -> Iterator[tuple[str, str]]:
    for key in sorted(arguments.keys() - cloud.arguments - cloud.ignored_arguments - _ENGINE_KEYS):
        known = ", ".join(sorted(cloud.arguments))
        yield key, f"the simulated {cloud.name} has no provider argument {key!r}; it has: {known}"
    yield from cloud.argument_problems(arguments)


def diff_config(cloud: Cloud, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
    """Another place, for one, is another provider, and all that it made is made anew."""
    old = as_map(without_secrets(unmarshal(request.olds)))
    new = as_map(without_secrets(unmarshal(request.news)))
    changed = sorted({str(found.path[0]) for found in differences(old, new)})
    if not changed:
        return _Diff(changes=_Diff.DIFF_NONE)
    replaces = [key for key in changed if key in cloud.replacing_arguments]
    return _Diff(changes=_Diff.DIFF_SOME, diffs=changed, replaces=replaces)


def configure(cloud: Cloud, variables: Mapping[str, str], engine: Engine, cancelled: threading.Event) -> Session:
    """A session with the account that the environment names.

    Raises:
        ProviderError: it names none, or an argument cannot be read.
    """
    given = {key.removeprefix(f"{cloud.package}:config:"): value for key, value in variables.items()}
    arguments = {key: _read(cloud, key, value) for key, value in given.items()}
    for key, reason in cloud.argument_problems(arguments):
        raise ProviderError(f"{key}: {reason}")
    return Session(
        cloud=cloud,
        world=open_world(cloud),
        engine=engine,
        region=str(arguments.get(cloud.where) or ""),
        cancelled=cancelled,
        arguments=arguments,
        latency=number(f"{cloud.environment}_LATENCY", 0),
        grace_seconds=number(f"{cloud.environment}_GRACE_SECONDS", 10),
        kubeconfig=kubeconfig_path(cloud),
    )


def _read(cloud: Cloud, key: str, value: str) -> Any:
    """An argument: mappings and lists arrive as JSON."""
    if key not in cloud.arguments or not value.startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ProviderError(f"the provider's {key} is not JSON") from None
