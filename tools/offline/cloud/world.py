"""The simulated account: a folder that all processes share, with one file of what exists and one of what was called.

account.json   everything that exists
calls.jsonl    every call with its start and end
faults.json    what is to go wrong; tests write it
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.offline.common.values import Json, as_list, as_map


@dataclass(kw_only=True)
class Record:
    """One resource that exists.

    Attributes:
        token: its type.
        id: its id.
        inputs: its properties as they are now; a test changes them to simulate drift.
        outputs: what the cloud added.
        region: where it is.
        status: `CREATING`, `ACTIVE`, `UPDATING`, `DELETING`, `CREATE_FAILED` or `PENDING_DELETION`.
        owner: key of the resource with which it goes; empty for what a program made.
        notes: what the simulation itself keeps.
    """

    token: str
    id: str
    inputs: Json
    outputs: Json = field(default_factory=dict[str, Any])
    region: str = ""
    status: str = "ACTIVE"
    owner: str = ""
    notes: Json = field(default_factory=dict[str, Any])

    @property
    def key(self) -> str:
        return f"{self.token}|{self.id}"

    @property
    def state(self) -> Json:
        """All properties, as the provider reports them."""
        return merged(self.outputs, self.inputs)

    @property
    def is_coming(self) -> bool:
        """Whether it is being made. It becomes active in its time, also where nobody waits for it any more."""
        return self.status == "CREATING" and time.time() < self.notes.get("active_at", 0)

    def get(self, path: str) -> Any:
        """The value at a path such as `vpcConfig.vpcId`; None where there is none."""
        if path == "id":
            return self.id
        found = values_at(self.state, path)
        return found[0] if found else None


class Account:
    """What exists. It is read and changed only inside of `World.open`."""

    def __init__(self, records: dict[str, Record]) -> None:
        self.records = records

    def add(self, record: Record) -> Record:
        self.records[record.key] = record
        return record

    def get(self, token: str, resource_id: str) -> Record | None:
        return self.records.get(f"{token}|{resource_id}")

    def of(self, token: str) -> list[Record]:
        """Every resource of a type."""
        return [record for record in self.records.values() if record.token == token]

    def find(self, token: str, value: Any, by: str = "id") -> Record | None:
        """The resource of a type (of any, where it is empty) whose property `by` has a value."""
        candidates = self.of(token) if token else list(self.records.values())
        return next((record for record in candidates if record.get(by) == value), None)

    def remove(self, record: Record) -> None:
        """Remove a resource and what goes with it."""
        self.records.pop(record.key, None)
        for other in [other for other in self.records.values() if other.owner == record.key]:
            self.remove(other)

    def left(self) -> list[Record]:
        """What would still be in the account: everything but keys that the cloud is about to delete."""
        return [record for record in self.records.values() if record.status != "PENDING_DELETION"]


class World:
    """The folder. Its methods may be called from any thread and process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def open(self) -> Generator[Account]:
        """The account, locked; what was changed is kept, unless an error is raised."""
        with self.locked("account.lock"):
            before = self._text()
            account = _parsed(before)
            yield account
            # Without indents the encoder is the fast one, and every call of every process waits for this.
            after = json.dumps([vars(record) for record in account.records.values()])
            if after != before:
                temporary = self.folder / ".account.json"
                temporary.write_text(after, encoding="utf-8")
                temporary.replace(self.folder / "account.json")

    def look(self) -> Account:
        """A copy of the account as it is now."""
        with self.locked("account.lock"):
            text = self._text()
        return _parsed(text)

    def log(self, line: Json) -> None:
        """Add a call to the log."""
        with self.locked("calls.lock"), (self.folder / "calls.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def calls(self) -> list[Json]:
        """Every call that has ended, in order of their ends."""
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def faults(self) -> list[Json]:
        """What tests want to go wrong."""
        path = self.folder / "faults.json"
        return [as_map(each) for each in as_list(json.loads(path.read_text(encoding="utf-8")))] if path.exists() else []

    def change_faults(self, change: Callable[[list[Json]], list[Json]]) -> None:
        """Replace what tests want to go wrong."""
        with self.locked("faults.lock"):
            self._write_faults(change(self.faults()))

    def fault_of(self, operation: str) -> Json | None:
        """What is to go wrong in this call of an operation. A fault of the nth call counts down to it."""
        with self.locked("faults.lock"):
            faults = self.faults()
            ours = [fault for fault in faults if fault["operation"] == operation]
            for fault in ours:
                if fault.get("nth") is not None:
                    fault["nth"] -= 1
            if ours:
                self._write_faults(faults)
            return next((dict(fault) for fault in ours if fault.get("nth") in (None, 0)), None)

    def _write_faults(self, faults: list[Json]) -> None:
        temporary = self.folder / ".faults.json"
        temporary.write_text(json.dumps(faults), encoding="utf-8")
        temporary.replace(self.folder / "faults.json")

    @contextmanager
    def alone(self, name: str) -> Generator[bool]:
        """Whether nobody else is at the work `name`, of all threads and processes; others stay out meanwhile."""
        descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    @contextmanager
    def locked(self, name: str) -> Generator[None]:
        """Alone at the work `name`, of all threads and processes; the next one's turn comes afterwards."""
        descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _text(self) -> str:
        path = self.folder / "account.json"
        return path.read_text(encoding="utf-8") if path.exists() else "[]"


def _parsed(text: str) -> Account:
    records = [Record(**as_map(item)) for item in as_list(json.loads(text))]
    return Account({record.key: record for record in records})


def merged(below: Json, above: Json) -> Json:
    """Both mappings as one; where both have a value, the second's, level by level."""
    result = dict(below)
    for key, value in above.items():
        if value is None:
            continue
        under = result.get(key)
        result[key] = (
            merged(as_map(under), as_map(value)) if isinstance(under, dict) and isinstance(value, dict) else value
        )
    return result


def values_at(value: Any, path: str) -> list[Any]:
    """Every value at a dotted path, following lists on the way; a list at its end gives its items."""
    found = [value]
    for step in path.split("."):
        flat = [item for each in found for item in (as_list(each) if isinstance(each, list) else [each])]
        found = [as_map(item)[step] for item in flat if isinstance(item, dict) and as_map(item).get(step) is not None]
    return [item for each in found for item in (as_list(each) if isinstance(each, list) else [each])]
