"""The rules that a route and its service make together, wherever the gateway is. Imports no Pulumi package."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from modelyard.errors import Problem
from modelyard.workspace.place import unknown_secret

if TYPE_CHECKING:
    from modelyard.serving.spec import ModelServiceSpec

ENGINES: Mapping[str, str] = {"vllm": "vllm", "sglang": "sglang"}
"""The runtimes whose metrics a picker reads, in its own words. Triton has them on a port of its own, where it does not
look. https://github.com/llm-d/llm-d-router/blob/v0.10.0/pkg/epp/framework/plugins/datalayer/extractor/metrics/README.md"""


def needs_pickers(services: Iterable["ModelServiceSpec"]) -> bool:
    """Whether the gateway has to ask a picker for one of these services."""
    return any(each.route and each.route.balance == "kv_cache" for each in services)


def service_route_problems(service: "ModelServiceSpec") -> Iterator[Problem]:
    """Why the service's route does not go with its server, its replicas or its release."""
    route = service.route
    if not route:
        return
    container = service.runtime.container
    if container and container.protocol == "grpc":
        if route.path != "/":
            why = "clients of gRPC ask for /PACKAGE.SERVICE/METHOD, with nothing before it"
            yield Problem(path="route.path", why=why, fix="leave path out, and name hostnames of its own")
        if route.max_request_mib:
            why = "has the gateway wait for the end of each request, which streams of gRPC have not"
            yield Problem(path="route.max_request_mib", why=why, fix="leave it out, and limit it in the server")
    if route.balance == "kv_cache":
        yield from _picker_problems(service)


def _picker_problems(service: "ModelServiceSpec") -> Iterator[Problem]:
    path, chosen = "route.balance", service.runtime.chosen
    if chosen and chosen.NAME not in ENGINES:
        why = f"pickers read the metrics of {' and '.join(ENGINES)}, and not those of {chosen.NAME}"
        yield Problem(path=path, why=why, fix="leave it out, or use balance: header")
    kinds = service.release.kinds if service.release else ()
    if kinds:
        why = f"a picker knows the pods of one version, and {kinds[0]} has several"
        yield Problem(path=path, why=why, fix=f"leave it out while there is a {kinds[0]}")
    if service.spans_nodes:
        why = "a picker would choose among all pods of a replica, of which one answers"
        yield Problem(path=path, why=why, fix="leave it out, or use balance: header")


def route_secret_problems(service: "ModelServiceSpec", secrets: Collection[str]) -> Iterator[Problem]:
    """Secrets that the route names and the workspace has not."""
    for path, name in service.route.secret_paths.items() if service.route else ():
        yield from unknown_secret(secrets, name, f"route.{path}")
