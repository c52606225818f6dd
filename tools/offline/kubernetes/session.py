"""The provider after Configure: its settings, the API server it talks to, and what it must tell the engine."""

import threading
from dataclasses import dataclass, field

from tools.offline.common.engine import Engine, ResourceReporter
from tools.offline.common.errors import ProviderError
from tools.offline.common.values import Json, as_text, is_map
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import NoMatchError
from tools.offline.kubernetes.settings import Settings
from tools.offline.kubernetes.tokens import GroupVersionKind, builtin_scope


@dataclass(kw_only=True)
class Session:
    """Shared by all operations; `client` is None while the cluster cannot be reached, and `unreachable` says why."""

    settings: Settings
    engine: Engine
    client: Client | None
    unreachable: str
    default_namespace: str
    cancelled: threading.Event
    crd_scopes: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])

    def reporter(self, urn: str) -> ResourceReporter:
        return ResourceReporter(self.engine, urn)

    def reachable(self) -> Client:
        """The client.

        Raises:
            ProviderError: the cluster cannot be reached.
        """
        if self.client is None:
            raise ProviderError(f"configured Kubernetes cluster is unreachable: {self.unreachable}")
        return self.client

    def remember_crd(self, crd: Json) -> None:
        """Notes the scope of a kind that this run defines, for objects of it in the same run."""
        spec = crd.get("spec")
        if is_map(spec) and is_map(crd["spec"].get("names")):
            key = (as_text(crd["spec"].get("group")), as_text(crd["spec"]["names"].get("kind")))
            self.crd_scopes[key] = crd["spec"].get("scope") == "Namespaced"

    def is_namespaced(self, gvk: GroupVersionKind) -> bool:
        """Whether objects of the kind live in namespaces; a kind that nobody knows yet is taken to."""
        scope = builtin_scope(gvk)
        if scope is None:
            scope = self.crd_scopes.get((gvk.group, gvk.kind))
        if scope is None and self.client is not None:
            try:
                return self.client.resource(gvk).namespaced
            except NoMatchError:
                return True
        return True if scope is None else scope

    def knows(self, gvk: GroupVersionKind) -> bool:
        """Whether the API server can be reached and serves the kind."""
        return self.client is not None and self.client.exists(gvk)
