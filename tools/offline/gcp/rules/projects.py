"""Projects: which APIs are enabled in them, and Google's own service accounts.

https://cloud.google.com/service-usage/docs/enable-disable
"""

# ruff: noqa: ARG001 - the rules of one occasion have one signature

import re
from collections.abc import Iterator

from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json
from tools.offline.gcp.ids import number_of
from tools.offline.gcp.kinds import Kind
from tools.offline.gcp.kinds_identity import SERVICE, SERVICE_IDENTITY
from tools.offline.gcp.table import KINDS

_ALWAYS = frozenset({"serviceusage.googleapis.com"})
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.googleapis\.com")
_AGENTS = {
    "container.googleapis.com": "service-{number}@container-engine-robot.iam.gserviceaccount.com",
    "compute.googleapis.com": "service-{number}@compute-system.iam.gserviceaccount.com",
    "storage.googleapis.com": "service-{number}@gs-project-accounts.iam.gserviceaccount.com",
    "file.googleapis.com": "service-{number}@cloud-filer.iam.gserviceaccount.com",
}
"""https://cloud.google.com/iam/docs/service-agents"""
_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")


def is_enabled(account: Account, project: str, service: str) -> bool:
    """Whether an API is enabled, or was and has been left so."""
    found = account.get(SERVICE, f"{project}/{service}")
    return service in _ALWAYS or (found is not None and not found.is_coming and found.status != "DELETING")


def agent_of(project: str, service: str) -> str:
    """The address of the service account by which an API acts in a project."""
    pattern = _AGENTS.get(service, f"service-{{number}}@gcp-sa-{service.partition('.')[0]}.iam.gserviceaccount.com")
    return pattern.format(number=number_of(project))


@rule(registry.in_check, SERVICE, SERVICE_IDENTITY)
def name_of_an_api(inputs: Json) -> Iterator[Fault]:
    service = inputs.get("service")
    if isinstance(service, str) and not _HOST.fullmatch(service):
        yield Fault(path=("service",), why=f"{service!r} is no name of an API: it ends with .googleapis.com")


@rule(registry.before_create, SERVICE)
def project_of_an_api(account: Account, record: Record) -> None:
    project = record.get("project")
    if not _PROJECT.fullmatch(project):
        raise CloudError("badRequest", f"Project id '{project}' is invalid")


def _need_api(account: Account, record: Record) -> None:
    kind = KINDS[record.token]
    assert isinstance(kind, Kind)
    project = record.get("project")
    if not is_enabled(account, project, kind.enabled):
        host = kind.enabled
        raise CloudError(
            "accessNotConfigured",
            f"{host.partition('.')[0]} API has not been used in project {project} before or it is disabled. Enable it "
            f"by visiting https://console.developers.google.com/apis/api/{host}/overview?project={project} then retry. "
            "(SERVICE_DISABLED)",
        )


for _kind in KINDS.values():
    if isinstance(_kind, Kind) and _kind.enabled:
        registry.before_create[_kind.token].insert(0, _need_api)


@rule(registry.before_delete, SERVICE)
def api_that_stays(account: Account, record: Record) -> None:
    """An API stays enabled unless the program asks for the other: then only the state forgets it."""
    if not record.inputs.get("disableOnDestroy"):
        record.status = "PENDING_DELETION"


@rule(registry.before_create, SERVICE_IDENTITY)
def agent_of_an_enabled_api(account: Account, record: Record) -> None:
    project, service = record.get("project"), record.inputs["service"]
    if not is_enabled(account, project, service):
        raise CloudError("failedPrecondition", f"Service '{service}' is not enabled for consumer 'projects/{project}'.")


@rule(registry.outputs, SERVICE_IDENTITY)
def address_of_an_agent(account: Account, record: Record) -> Json:
    email = agent_of(record.get("project"), record.inputs["service"])
    return {"email": email, "member": f"serviceAccount:{email}"}


@rule(registry.before_delete, SERVICE_IDENTITY)
def agent_that_stays(account: Account, record: Record) -> None:
    """Google's own service accounts stay: only the state forgets them."""
    record.status = "PENDING_DELETION"
