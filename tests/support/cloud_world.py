"""A simulated cloud's account for tests (tools/offline): its folder, what is in it, and what goes wrong in it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tests.support.paths import ROOT
from tests.support.toolchain import tool_path
from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.world import Record, World

Json = dict[str, Any]


class CloudWorld:
    """An account in a folder. Subclasses say of which cloud."""

    cloud: ClassVar[Cloud]

    def __init__(self, folder: Path) -> None:
        """Open the account in `folder`; an empty one where there is none."""
        self.world = World(folder)

    def environment(
        self, kubeconfig: Path | None = None, *, latency: float = 0, grace_seconds: float = 10
    ) -> dict[str, str]:
        """
        Variables for every Pulumi command on this account.

        `kubeconfig` is that of the API server that every cluster leads to; the cloud's times are multiplied by
        `latency` (0.0166 is 1:60); a call that something else has to allow first is repeated for `grace_seconds`.
        """
        prefix = self.cloud.environment
        found = {
            "PATH": os.pathsep.join([str(ROOT / "tools" / "offline" / "bin" / self.cloud.folder), tool_path()]),
            f"{prefix}_WORLD": str(self.world.folder),
            f"{prefix}_LATENCY": str(latency),
            f"{prefix}_GRACE_SECONDS": str(grace_seconds),
        }
        return found | ({f"{prefix}_KUBECONFIG": str(kubeconfig)} if kubeconfig else {})

    def resources(self, kind: str = "") -> list[Record]:
        """What is in the account, optionally of one type such as `NodeGroup`; not keys that the cloud is to delete."""
        return [record for record in self.world.look().left() if not kind or record.token.endswith(f":{kind}")]

    def left(self) -> list[str]:
        """What is in the account as text, for `assert not world.left()`."""
        return sorted(f"{record.token.rpartition(':')[2]} {record.id}" for record in self.resources())

    def one(self, kind: str) -> Record:
        """The only resource of a type."""
        [found] = self.resources(kind)
        return found

    def calls(self, operation: str = "") -> list[Json]:
        """Every call that has ended: `operation` (`NodeGroup.create`), `urn`, `start`, `end`, `error`."""
        return [call for call in self.world.calls() if not operation or call["operation"] == operation]

    def change(self, kind: str, path: str, value: Any) -> None:
        """Change a property of the only resource of a type behind Pulumi's back: `scalingConfig.maxSize`."""
        *above, last = path.split(".")
        key = self.one(kind).key
        with self.world.open() as account:
            inside = account.records[key].inputs
            for step in above:
                inside = inside.setdefault(step, {})
            inside[last] = value

    def note(self, kind: str, **notes: Any) -> None:
        """Set what the simulation keeps of the only resource of a type: `objects` of a bucket."""
        key = self.one(kind).key
        with self.world.open() as account:
            account.records[key].notes |= notes

    def forget(self, kind: str, resource_id: str) -> None:
        """Delete a resource behind Pulumi's back."""
        [found] = [record for record in self.resources(kind) if record.id == resource_id]
        with self.world.open() as account:
            account.remove(account.records[found.key])

    def go_wrong(
        self,
        operation: str,
        *,
        then: str = "fail",
        nth: int | None = None,
        code: str = "InternalError",
        message: str = "A test wanted this.",
    ) -> None:
        """
        From now on, let calls of an operation such as `NodeGroup.create` go wrong, until `go_right`.

        `then` is `fail` (refused, and nothing is made), `fail_after` (made, and then failed) or `stall` (goes on only
        after `go_right`). With `nth`, only that call from now on does, the first being 1.
        """
        fault = {"operation": operation, "then": then, "nth": nth, "code": code, "message": message}
        self.world.change_faults(lambda before: [*before, fault])

    def go_right(self) -> None:
        """From now on nothing goes wrong."""
        self.world.change_faults(lambda _: [])

    def give_devices(self, pools: Mapping[str, Mapping[str, int]]) -> None:
        """What nodes of pools advertise beside CPU and memory: `{"h100": {"nvidia.com/mig-1g.10gb": 56}}`."""
        self._write("devices.json", pools)

    def _write(self, name: str, content: Any) -> None:
        path = self.world.folder / name
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(content), encoding="utf-8")
        temporary.replace(path)
