"""The programs that are previewed with the real engine, each in a project of its own."""

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from modelyard.stack.ml_stack import MLStack
from tests.bench.hand_written import hand_written
from tests.bench.measure import PeakMemory
from tests.support.engine import STACK, PulumiProject, write_project
from tests.support.mocks import run
from tests.support.paths import ROOT

EMPTY, HAND_WRITTEN, LIBRARY = "empty program", "hand-written program", "library"


class DifferentProgramsError(Exception):
    """The programs that are compared do not register the same."""


class Previews:
    """Previews of three programs for one stack, before anything of it exists."""

    def __init__(self, folder: Path, spec: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> None:
        """Write the programs and their stacks into an empty folder.

        Args:
            folder: where.
            spec: the stack.
            environment: further variables of every preview.
        """
        # Under mocks as with the engine, the local cluster looks for one that it made before.
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        folder.mkdir(exist_ok=True)
        text = json.dumps(spec)
        recorded = run(MLStack.from_config, config={"modelyard:stack": text})
        programs = {
            EMPTY: "import pulumi\n",
            HAND_WRITTEN: hand_written(recorded),
            LIBRARY: (ROOT / "stacks" / "__main__.py").read_text(encoding="utf-8"),
        }
        self.names = list(programs)
        self._projects = {
            name: _project(folder / str(index), program, text, environment or {})
            for index, (name, program) in enumerate(programs.items())
        }

    def compare(self) -> int:
        """The number of resources of the stack.

        Raises:
            DifferentProgramsError: the hand-written program registers other ones.
        """
        counts = {name: self._types(name) for name in (HAND_WRITTEN, LIBRARY)}
        if counts[HAND_WRITTEN] != counts[LIBRARY]:
            more = dict(counts[LIBRARY] - counts[HAND_WRITTEN])
            fewer = dict(counts[HAND_WRITTEN] - counts[LIBRARY])
            raise DifferentProgramsError(f"the library registers {more}, the hand-written program {fewer} instead")
        return counts[LIBRARY].total()

    def _types(self, name: str) -> Counter[str]:
        return Counter(step.type for step in self._projects[name].preview().steps)

    def seconds(self, name: str) -> float:
        """How long one preview takes."""
        return self._projects[name].preview().seconds

    def mib(self, name: str) -> float:
        """The most memory of one preview: of the CLI, the host, the program and the plugins together."""
        running = self._projects[name].start("preview")
        with PeakMemory(running.process.pid) as peak:
            result = running.wait()
        if result.exit_code:
            raise DifferentProgramsError(result.text)
        return peak.mib

    def close(self) -> None:
        """End whatever is left."""
        for project in self._projects.values():
            project.close()


def _project(folder: Path, program: str, stack: str, environment: Mapping[str, str]) -> PulumiProject:
    write_project(folder / "program", program, virtualenv=sys.prefix)
    project = PulumiProject(folder / "program", folder / "scratch", environment=environment)
    file = folder / "program" / f"Pulumi.{STACK}.yaml"
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
    content["config"] = {"modelyard:stack": json.loads(stack)}
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return project
