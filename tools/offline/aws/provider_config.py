"""The provider resource itself: CheckConfig, DiffConfig and Configure."""

import json
import threading
from collections.abc import Iterator

from pulumi.runtime.proto import provider_pb2

from tools.offline.aws.session import Session, kubeconfig_path, number, open_world
from tools.offline.common.comparison import differences
from tools.offline.common.engine import Engine
from tools.offline.common.errors import ProviderError
from tools.offline.common.values import Json, as_map, unmarshal, without_secrets

_KNOWN = frozenset({"region", "defaultTags", "allowedAccountIds"})
# The engine passes these beside the program's own arguments.
_ENGINE_KEYS = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "__internal"})
_IGNORED = frozenset({"skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation", "profile"})
"""Arguments that mean nothing where there are no credentials; the SDK sets some by itself."""
_Diff = provider_pb2.DiffResponse


def check_config(request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
    """Refuses arguments that the simulation does not know; none is ignored in silence."""
    arguments = as_map(without_secrets(unmarshal(request.news)))
    failures = [provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in _problems(arguments)]
    return provider_pb2.CheckResponse(inputs=request.news, failures=failures)


def _problems(arguments: Json) -> Iterator[tuple[str, str]]:
    for key in sorted(arguments.keys() - _KNOWN - _IGNORED - _ENGINE_KEYS):
        known = ", ".join(sorted(_KNOWN))
        yield key, f"the simulated AWS has no provider argument {key!r}; it has: {known}"
    if not arguments.get("region"):
        yield "region", "a region must be set: an AWS provider without one takes that of the shell it runs in"


def diff_config(request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
    """Another region is another provider, and all that it made is made anew."""
    old = as_map(without_secrets(unmarshal(request.olds)))
    new = as_map(without_secrets(unmarshal(request.news)))
    changed = sorted({str(found.path[0]) for found in differences(old, new)})
    if not changed:
        return _Diff(changes=_Diff.DIFF_NONE)
    return _Diff(changes=_Diff.DIFF_SOME, diffs=changed, replaces=[key for key in changed if key == "region"])


def configure(variables: dict[str, str], engine: Engine, cancelled: threading.Event) -> Session:
    """A session with the account that the environment names.

    Raises:
        ProviderError: it names none, or an argument cannot be read.
    """
    given = {key.removeprefix("aws:config:"): value for key, value in variables.items()}
    if not given.get("region"):
        raise ProviderError("the provider has no region")
    try:
        tags = as_map(json.loads(given.get("defaultTags", "{}"))).get("tags")
    except ValueError:
        raise ProviderError("the provider's defaultTags is not a JSON object") from None
    latency = number("MODELYARD_AWS_LATENCY", 0)
    return Session(
        world=open_world(),
        engine=engine,
        region=given["region"],
        cancelled=cancelled,
        default_tags=as_map(tags),
        latency=latency,
        grace_seconds=number("MODELYARD_AWS_GRACE_SECONDS", 10),
        kubeconfig=kubeconfig_path(),
    )
