"""The API servers that simulated clusters lead to."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from modelyard.observability.kinds import PROMETHEUS_OPERATOR
from modelyard.operators.crds import permissive_crd
from modelyard.operators.definition import Kind
from tests.support.control_plane import ApiServer, running_control_plane
from tests.support.kinds import definitions
from tests.support.manifests import apply

_DEFINITIONS = "customresourcedefinitions"
_OF_ALL_NAMESPACES = ("namespaces", "nodes", "persistentvolumes", "storageclasses", "deviceclasses", "resourceslices")
_KUBERNETES_OWN = {"default", "kube-system", "kube-public", "kube-node-lease"}


class CloudServers:
    """One API server after the other: each for as many clusters as leave nothing on it."""

    def __init__(self, folder: Path) -> None:
        """Keep what they need in `folder`."""
        self._folder = folder
        self._started = 0
        self._clean: tuple[ApiServer, ExitStack] | None = None
        self._kinds: set[str] = set()
        """What the clean one serves beside Kubernetes' own."""

    @contextmanager
    def one(self, further: Sequence[Kind] = ()) -> Generator[ApiServer]:
        """A server without nodes that has the kinds which charts would bring, as the stand-in records charts only."""
        server, running = self._clean or self._start()
        self._clean = None
        crds = definitions(permissive_crd(kind) for kind in (*PROMETHEUS_OPERATOR.kinds, *further))
        self._kinds |= {crd["metadata"]["name"] for crd in crds}
        try:
            assert apply(server, crds, dry_run=False) == ""
            yield server
        finally:
            if self._is_clean(server):
                self._clean = server, running
            else:
                running.close()

    def close(self) -> None:
        """End the one that is left; the next is another one."""
        if self._clean:
            self._clean[1].close()
            self._clean = None

    def _start(self) -> tuple[ApiServer, ExitStack]:
        self._started += 1
        self._kinds = set()
        folder = self._folder / f"api-{self._started}"
        folder.mkdir()
        running = ExitStack()
        return running.enter_context(running_control_plane(folder)), running

    def _is_clean(self, server: ApiServer) -> bool:
        """Whether it answers, and has neither objects of clusters nor other kinds than at first."""
        try:
            served = server.get(_DEFINITIONS)
            left = server.get(",".join((*_OF_ALL_NAMESPACES, *self._kinds)), "--all-namespaces")
        except AssertionError:
            return False
        return (
            {each["metadata"]["name"] for each in served} == self._kinds
            and not any("deletionTimestamp" in each["metadata"] for each in served)
            and {each["metadata"]["name"] for each in left} <= _KUBERNETES_OWN
        )
