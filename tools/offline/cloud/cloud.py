"""What a cloud gives, so that the machinery in this folder can simulate it."""

# ruff: noqa: ARG002 - what a method may look at is for the clouds that override it

import hashlib
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.kinds import Kind, Name, Reference
from tools.offline.cloud.machines import Machine
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.table import Table
from tools.offline.cloud.world import Account, Record
from tools.offline.common.errors import ProviderError
from tools.offline.common.values import Json


class Cloud(ABC):
    """A cloud. One instance serves all requests, and keeps nothing."""

    name: ClassVar[str]
    """For messages: `AWS`."""
    package: ClassVar[str]
    """Pulumi's package: `aws`."""
    folder: ClassVar[str]
    """The folder in tools/offline and in tools/offline/bin: `aws`."""
    environment: ClassVar[str]
    """What its variables begin with: `MODELYARD_AWS`."""
    table: ClassVar[Table]
    unordered: ClassVar[frozenset[str]] = frozenset()
    """Names of lists in which order says nothing."""
    where: ClassVar[str] = "region"
    """The provider's argument that says where things are made, where a resource does not."""
    computed: ClassVar[frozenset[str]] = frozenset()
    """Properties of any type that the cloud fills in where the program does not, and that a type need not name."""

    # What a provider may be given.
    arguments: ClassVar[frozenset[str]]
    """The provider's arguments that the simulation knows."""
    ignored_arguments: ClassVar[frozenset[str]] = frozenset()
    """Arguments that mean nothing where there are no credentials; the SDK sets some by itself."""
    replacing_arguments: ClassVar[frozenset[str]]
    """Arguments whose change makes everything anew."""

    def argument_problems(self, arguments: Json) -> Iterator[tuple[str, str]]:
        """What is wrong with the provider's arguments: which one, and why."""
        return iter(())

    # Properties, before anything is made.

    @abstractmethod
    def api_faults(self, kind: Kind, inputs: Json) -> Iterator[Fault]:
        """What the cloud's own API model refuses in the properties of a type."""
        ...

    def defaults(self, kind: Kind, inputs: Json, arguments: Mapping[str, Any]) -> Json:
        """A resource's properties that the provider's arguments say for all of them, made one with its own."""
        return {}

    def made_name(self, name: Name, resource_name: str, digits: str) -> str:
        """The name that the provider makes of a resource's and of random digits."""
        return f"{name.prefix}{resource_name}{name.separator}{digits}"

    def must_delete_first(self, kind: Kind, *, is_auto_named: bool, keeps_name: bool) -> bool:
        """Whether a resource goes before its successor comes: one that keeps its own name cannot stand beside it."""
        return kind.delete_first or (kind.name is not None and not is_auto_named and keeps_name)

    def is_same(self, kind: Kind, path: str, old: Any, new: Any) -> bool:
        """Whether the provider sees no change in a property although its values differ."""
        return False

    def previewed(self, kind: Kind, state: Json, given: Json) -> Json:
        """What a preview knows of what the cloud adds; `state` has it as unknown, `given` is what the program gave."""
        return state

    def shown(self, kind: Kind, state: Json, record: Record | None) -> Json:
        """A state as the provider tells it, where that has another shape than what was given; None in a preview."""
        return state

    # Things that exist.

    def prefixed(self, prefix: str) -> str:
        """A name that begins as the program says, as providers made by the Terraform bridge end it."""
        return f"{prefix}{time.strftime('%Y%m%d%H%M%S', time.gmtime())}{secrets.token_hex(6)}"

    def id_of(self, kind: Kind, record: Record) -> str:
        """The id of a new resource."""
        return self.formatted(kind.id_format, record)

    def formatted(self, text: str, record: Record) -> str:
        """A text in which properties, `{id}`, `{region}` and `{hash}` may stand."""
        return text.format(**{**record.state, **self.words(record)})

    def words(self, record: Record) -> Mapping[str, str]:
        """What may stand in such a text, beside properties."""
        digest = hashlib.sha256(f"{record.token}{record.id}".encode()).hexdigest()[:8]
        return {"id": record.id, "region": record.region, "hash": digest}

    def outputs(self, kind: Kind, record: Record) -> Json:
        """What the cloud adds to a resource of any type."""
        return {}

    def find(self, account: Account, reference: Reference, value: Any) -> Record | None:
        """The resource that a reference names."""
        return account.find(reference.to, value, reference.by)

    def names(self, reference: Reference, value: Any, record: Record) -> bool:
        """Whether a reference's value names this resource."""
        return record.get(reference.by) == value

    def goes_with(self, other: Record, record: Record) -> bool:
        """Whether a resource that names another goes with it, and so does not hold it."""
        return other.owner == record.key

    def placed(self, record: Record, arguments: Mapping[str, Any]) -> None:  # noqa: B027 - most clouds say nothing
        """Write down of a new resource what the provider's arguments say of it, before anything else is said of it."""

    def queue_of(self, record: Record) -> str:
        """The name of what does one operation at a time, where a resource's operations have to wait for others'."""
        return ""

    def beside(self, record: Record) -> int:
        """How many operations like a resource's may be at a time in its queue; 0 is that it has to be alone there."""
        return 0

    # Errors in its words.

    @abstractmethod
    def worded(self, error: CloudError, kind: Kind, verb: str, resource: str) -> ProviderError:
        """An error as the provider shows it; `verb` is `creating`, `updating`, `deleting`."""
        ...

    @abstractmethod
    def not_found(self, token: str, value: Any) -> CloudError:
        """There is no such resource."""
        ...

    @abstractmethod
    def not_ready(self, kind: Kind, record: Record) -> CloudError:
        """The resource is there, and cannot be used."""
        ...

    def cannot_change(self, kind: Kind, record: Record) -> CloudError:
        """What failed to be made cannot be updated."""
        return self.not_ready(kind, record)

    @abstractmethod
    def twin(self, kind: Kind, other: Record) -> CloudError:
        """There is one of this name already."""
        ...

    # Nodes.

    rdma_resource: ClassVar[str] = ""
    """The resource that a machine's RDMA devices are, where every node has it by itself."""

    @abstractmethod
    def machine_of(self, name: str) -> Machine:
        """A machine type, by the library's table, or by its name where it is not in there."""
        ...

    @abstractmethod
    def node_identity(self, zone: str, region: str) -> tuple[str, str]:
        """Name and provider id of a new node."""
        ...
