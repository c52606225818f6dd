"""One request through the stack's own service when everything is up, as its users would send it."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from modelyard.kube.names import logical_name
from tools.stack.api import connected
from tools.stack.table import REAL, SIMULATED, Row

_ANSWER_SECONDS = 30
"""A Service knows a new pod a moment after it is ready."""
_POLL_SECONDS = 0.5
_SUCCESS = range(200, 300)
_NOT_YET = (0, 502, 503)
"""No connection, or the API server had none to a pod."""
_SHOWN_CHARACTERS = 600


class TrialError(Exception):
    """The service did not answer; the message says what it said, and where to look."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is asked of which service.

    Attributes:
        workspace: the service's workspace.
        service: its name there.
        path: the path on its server.
        body: the JSON that is sent.
    """

    workspace: str
    service: str
    path: str
    body: object


def find(folder: Path, stack: str) -> Trial | None:
    """Return what the file `trial.STACK.yaml` in the folder of the stacks' files asks for; None without one."""
    file = folder / f"trial.{stack}.yaml"
    if not file.is_file():
        return None
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    workspace, _, service = written["service"].partition("/")
    body = json.loads((folder / written["body"]).read_text(encoding="utf-8"))
    return Trial(workspace=workspace, service=service, path=written["path"], body=body)


def run(trial: Trial, kubeconfig: str, rows: Sequence[Row]) -> str:
    """Send the request through the API server, which reaches every Service; return what to tell the user.

    Raises:
        TrialError: the service did not answer with success.
    """
    name, instance = f"{trial.workspace}/{trial.service}", logical_name(trial.workspace, trial.service)
    kinds = {row.runs for row in rows if row.workload == instance}
    if kinds == {SIMULATED}:
        return f"no request was sent to {name}: its pods are simulated here, and no container runs"
    look = f"see: kubectl get pods --namespace {trial.workspace}"
    if REAL not in kinds:
        raise TrialError(f"{name} has no pod on a node; {look}")
    deadline = time.monotonic() + _ANSWER_SECONDS
    with connected(kubeconfig) as api:
        while True:
            began = time.monotonic()
            status, text = api.post(trial.workspace, trial.service, trial.path, trial.body)
            took = round((time.monotonic() - began) * 1000)
            if status in _SUCCESS:
                return f"{name} answered POST {trial.path} with {status} in {took} ms:\n{text[:_SHOWN_CHARACTERS]}"
            if status not in _NOT_YET or began > deadline:
                raise TrialError(f"{name} answered POST {trial.path} with {status}: {text[:_SHOWN_CHARACTERS]}; {look}")
            time.sleep(_POLL_SECONDS)
