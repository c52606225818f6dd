"""Google Cloud as a simulated cloud: its ids, its errors in its own words, its nodes."""

# ruff: noqa: ARG002 - what methods are given is said by the class above

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from tools.offline.cloud import schema
from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.kinds import Kind, Reference
from tools.offline.cloud.machines import Machine
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record
from tools.offline.common.errors import ProviderError
from tools.offline.common.values import Json, as_map
from tools.offline.gcp import model
from tools.offline.gcp.ids import COMPUTE, last_of, path_of
from tools.offline.gcp.kinds import Kind as GcpKind
from tools.offline.gcp.kinds_container import CLUSTER, NODE_POOL
from tools.offline.gcp.kinds_identity import ACCOUNT, KEY
from tools.offline.gcp.kinds_storage import BUCKET
from tools.offline.gcp.machines import machine_of
from tools.offline.gcp.table import KINDS

_HTTP = {
    "notFound": 404,
    "alreadyExists": 409,
    "conflict": 409,
    "accessNotConfigured": 403,
    "forbidden": 403,
    "internalError": 500,
}
_BAD_REQUEST = 400
_ATTRIBUTION = {"goog-pulumi-provisioned": "true"}
"""The provider's own label. https://www.pulumi.com/registry/packages/gcp/api-docs/provider/#addPulumiAttributionLabel"""
_OPERATIONS_ON_POOLS = 5
_SHORT_PREFIX = 14
_CASELESS = {BUCKET: ("location",), NODE_POOL: ("nodeConfig.imageType",)}
"""Properties in which the provider sees no change between letters of both cases."""


class Gcp(Cloud):
    """Google Cloud."""

    name = "Google Cloud"
    package = "gcp"
    folder = "gcp"
    environment = "MODELYARD_GCP"
    table = KINDS
    unordered = frozenset(
        {
            *("oauthScopes", "nodeLocations", "tags", "enableComponents", "cidrBlocks", "secondaryIpRanges"),
            *("sourceIpRangesToNats", "endpointTypes", "natIps", "subnetworks", "lifecycleRules"),
            *("serviceAccountIds", "resourceLimits", "allows", "denies", "sourceRanges"),
        }
    )
    computed = frozenset({"project", "region", "location"})
    arguments = frozenset(
        {"project", "region", "zone", "defaultLabels", "userProjectOverride", "billingProject"}
        | {"addPulumiAttributionLabel"}
    )
    ignored_arguments = frozenset({"disableGlobalProjectWarning", "skipRegionValidation", "scopes", "batching"})
    replacing_arguments = frozenset()

    def argument_problems(self, arguments: Json) -> Iterator[tuple[str, str]]:
        for key in ("project", "region"):
            if not arguments.get(key):
                yield key, f"a {key} must be set: a provider without one takes that of the shell it runs in"

    def api_faults(self, kind: Kind, inputs: Json) -> Iterator[Fault]:
        api = _of_gcp(kind).api
        return model.faults(api, inputs) if api is not None else iter(())

    def is_same(self, kind: Kind, path: str, old: Any, new: Any) -> bool:
        """A link, an id and a name of one thing are the same; so are letters of both cases in some values."""
        if path in _CASELESS.get(kind.token, ()):
            return str(old).upper() == str(new).upper()
        if any(path == each.path for each in kind.references) and isinstance(old, str) and isinstance(new, str):
            return path_of(old) == path_of(new) or (
                "/" not in (old if "/" in new else new) and last_of(old) == last_of(new)
            )
        return False

    def previewed(self, kind: Kind, state: Json, given: Json) -> Json:
        return {key: value for key, value in state.items() if key not in self.computed}

    def placed(self, record: Record, arguments: Mapping[str, Any]) -> None:
        inputs, kind = record.inputs, _of_gcp(KINDS[record.token])
        cluster = path_of(inputs.get("cluster")).split("/") if record.token == NODE_POOL else []
        project = inputs.get("project") or (cluster[1] if len(cluster) > 1 else arguments.get("project"))
        record.outputs["project"] = project
        if kind.place == "region":
            record.outputs["region"] = last_of(inputs.get("region") or arguments.get("region"))
        elif kind.place == "location":
            own = inputs.get("location") or (cluster[3] if len(cluster) > 1 else None)
            record.outputs["location"] = own or arguments.get("zone") or arguments.get("region")
        if kind.labels:
            attribution = {} if str(arguments.get("addPulumiAttributionLabel")).lower() == "false" else _ATTRIBUTION
            record.notes["labels"] = {**as_map(arguments.get("defaultLabels")), **attribution}

    def words(self, record: Record) -> Mapping[str, str]:
        found = {**super().words(record), "project": record.get("project") or ""}
        found |= {key: value for key in ("region", "location") if (value := record.outputs.get(key))}
        if record.token == ACCOUNT:
            found["email"] = f"{record.get('accountId')}@{found['project']}.iam.gserviceaccount.com"
        return {**found, "cluster_name": last_of(record.get("cluster"))}

    def prefixed(self, prefix: str) -> str:
        """Long prefixes have a short end. https://github.com/hashicorp/terraform-provider-google (expandNodePool)"""
        return super().prefixed(prefix) if len(prefix) <= _SHORT_PREFIX else f"{prefix}{secrets.token_hex(5)[:9]}"

    def id_of(self, kind: Kind, record: Record) -> str:
        return path_of(super().id_of(kind, record))

    def outputs(self, kind: Kind, record: Record) -> Json:
        known = schema.state_properties(kind.token)
        found: Json = {}
        if "selfLink" in known and _of_gcp(kind).enabled.startswith("compute"):
            found["selfLink"] = COMPUTE + record.id
        if "pulumiLabels" in known:
            labels = {**as_map(record.notes.get("labels")), **as_map(record.inputs.get(_of_gcp(kind).labels))}
            found |= {"pulumiLabels": labels, "effectiveLabels": labels}
        return found

    def find(self, account: Account, reference: Reference, value: Any) -> Record | None:
        if reference.to == ACCOUNT and _is_default_account(value):
            return Record(token=ACCOUNT, id=value, inputs={})
        candidates = [each for each in account.of(reference.to) if self.names(reference, value, each)]
        return candidates[0] if candidates else None

    def names(self, reference: Reference, value: Any, record: Record) -> bool:
        if reference.by != "id":
            return record.get(reference.by) == value
        path = path_of(value)
        if reference.to == KEY:
            return path.partition("/cryptoKeyVersions/")[0] == record.id
        return path == record.id if "/" in path else path == last_of(record.id)

    def queue_of(self, record: Record) -> str:
        if record.token == CLUSTER:
            return record.id
        return record.id.partition("/nodePools/")[0] if record.token == NODE_POOL else ""

    def beside(self, record: Record) -> int:
        return _OPERATIONS_ON_POOLS if record.token == NODE_POOL else 0

    def worded(self, error: CloudError, kind: Kind, verb: str, resource: str) -> ProviderError:
        if error.cloud_code == "provider":
            return ProviderError(error.text, error.code)
        status = _HTTP.get(error.cloud_code, _BAD_REQUEST)
        what = f"Error {verb} {kind.service} ({resource})"
        return ProviderError(f"{what}: googleapi: Error {status}: {error.text}, {error.cloud_code}", error.code)

    def not_found(self, token: str, value: Any) -> CloudError:
        if token == ACCOUNT:
            return CloudError("badRequest", f'The user does not have access to service account "{value}".')
        if token == CLUSTER:
            return CloudError("notFound", f"Not found: {value}.")
        return CloudError("notFound", f"The resource '{path_of(value)}' was not found")

    def not_ready(self, kind: Kind, record: Record) -> CloudError:
        return CloudError("failedPrecondition", f"{kind.service} {record.id} is not running.")

    def twin(self, kind: Kind, other: Record) -> CloudError:
        return CloudError("alreadyExists", f"The resource '{other.id}' already exists")

    def machine_of(self, name: str) -> Machine:
        return machine_of(name)

    def node_identity(self, zone: str, region: str) -> tuple[str, str]:
        name = f"gke-{secrets.token_hex(4)}-{secrets.token_hex(2)}"
        return name, f"gce://simulated/{zone}/{name}"


GCP = Gcp()


def _of_gcp(kind: Kind) -> GcpKind:
    assert isinstance(kind, GcpKind)
    return kind


def _is_default_account(value: Any) -> bool:
    return value == "default" or str(value).endswith("-compute@developer.gserviceaccount.com")
