"""Objects on an API server: discovery, and one method for each thing that is done to an object."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tools.offline.common.values import Json, as_list, as_map, as_text
from tools.offline.kubernetes.errors import ApiError, NoMatchError
from tools.offline.kubernetes.objects import name_of, namespace_of
from tools.offline.kubernetes.tokens import GroupVersionKind, kind_of_object
from tools.offline.kubernetes.transport import Reply, Transport

_APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"
_PAGE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """How a kind is addressed: `/apis/apps/v1`, `deployments`, namespaced."""

    base: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        """The address of an object, or of the collection; an absent namespace means `default`."""
        where = f"/namespaces/{quote(namespace or 'default')}" if self.namespaced else ""
        return f"{self.base}{where}/{self.plural}" + (f"/{quote(name)}" if name else "")


class Client:
    """One API server. Methods may be called from any thread and raise ApiError, NoMatchError and UnreachableError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: dict[str, dict[str, Resource]] = {}

    def server_version(self) -> str:
        """The server's version, such as v1.35.4."""
        return as_text(self._transport.request("GET", "/version").body.get("gitVersion"))

    def resource(self, gvk: GroupVersionKind) -> Resource:
        """How `gvk` is addressed; asks the server again for a kind that it did not know before.

        Raises:
            NoMatchError: the server does not know it.
        """
        found = self._known.get(gvk.api_version, {}).get(gvk.kind)
        if found is None:
            found = self._discover(gvk).get(gvk.kind)
        if found is None:
            raise NoMatchError(f"no matches for kind {gvk.kind!r} in version {gvk.api_version!r}")
        return found

    def _discover(self, gvk: GroupVersionKind) -> dict[str, Resource]:
        base = f"/apis/{gvk.api_version}" if gvk.group else f"/api/{gvk.version}"
        try:
            body = self._transport.request("GET", base).body
        except ApiError as error:
            if error.is_not_found:
                raise NoMatchError(f"no matches for kind {gvk.kind!r} in version {gvk.api_version!r}") from None
            raise
        kinds = {
            as_text(item.get("kind")): Resource(
                base=base, plural=as_text(item.get("name")), namespaced=bool(item.get("namespaced"))
            )
            for item in map(as_map, as_list(body.get("resources")))
            if "/" not in as_text(item.get("name"))
        }
        self._known[gvk.api_version] = kinds
        return kinds

    def exists(self, gvk: GroupVersionKind) -> bool:
        """Whether the server knows the kind."""
        try:
            self.resource(gvk)
        except NoMatchError:
            return False
        return True

    def get(self, obj: Json, name: str = "") -> Json:
        """The live version of `obj`."""
        return self._transport.request("GET", self._path(obj, name or name_of(obj))).body

    def list_objects(
        self, api_version: str, kind: str, *, namespace: str = "", selector: str = "", everywhere: bool = False
    ) -> list[Json]:
        """The objects of a kind in a namespace or in all, optionally those with certain labels."""
        resource = self.resource(kind_of_object({"apiVersion": api_version, "kind": kind}))
        query = {"limit": _PAGE} | ({"labelSelector": selector} if selector else {})
        items: list[Json] = []
        while True:
            path = f"{resource.base}/{resource.plural}" if everywhere else resource.path(namespace)
            body = self._transport.request("GET", path, query=query).body
            items += map(as_map, as_list(body.get("items")))
            more = as_text(as_map(body.get("metadata")).get("continue"))
            if not more:
                return items
            query = {**query, "continue": more}

    def create(self, obj: Json, *, manager: str, dry_run: bool = False) -> Reply:
        """POST: fails if the object exists."""
        resource = self.resource(kind_of_object(obj))
        if not resource.namespaced and namespace_of(obj):
            metadata = {key: value for key, value in as_map(obj.get("metadata")).items() if key != "namespace"}
            obj = {**obj, "metadata": metadata}
        query = _query(manager, dry_run) | {"fieldValidation": "Warn"}
        return self._transport.request("POST", resource.path(namespace_of(obj)), query=query, body=obj)

    def apply(self, obj: Json, *, manager: str, force: bool, dry_run: bool = False, name: str = "") -> Reply:
        """Server-side apply: creates the object or takes over the given fields of it."""
        query = _query(manager, dry_run) | {"force": str(force).lower(), "fieldValidation": "Warn"}
        path = self._path(obj, name or name_of(obj))
        return self._transport.request("PATCH", path, query=query, body=obj, content_type=_APPLY)

    def replace(self, obj: Json, *, manager: str, dry_run: bool = False) -> Reply:
        """PUT: the object as given, whole."""
        return self._transport.request("PUT", self._path(obj, name_of(obj)), query=_query(manager, dry_run), body=obj)

    def json_patch(self, obj: Json, operations: list[Json]) -> Json:
        """RFC 6902 operations on the live version of `obj`."""
        path = self._path(obj, name_of(obj))
        return self._transport.request("PATCH", path, body=operations, content_type=_JSON_PATCH).body

    def delete(self, obj: Json, *, propagation: str, name: str = "") -> None:
        """Asks the server to delete the object; returns before it is gone."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        self._transport.request("DELETE", self._path(obj, name or name_of(obj)), body=body)

    def _path(self, obj: Json, name: str) -> str:
        return self.resource(kind_of_object(obj)).path(namespace_of(obj), name)


def _query(manager: str, dry_run: bool) -> dict[str, Any]:
    return {"fieldManager": manager} | ({"dryRun": "All"} if dry_run else {})
