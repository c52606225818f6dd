"""One call in the account's log, which goes wrong where a test wants it to."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from tools.offline.cloud.errors import CloudError, CreateFailedError
from tools.offline.cloud.kinds import Kind
from tools.offline.cloud.session import Session
from tools.offline.common.errors import ProviderError
from tools.offline.common.values import Json

_STALL_POLL_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call under way, and what is to go wrong in it."""

    fault: Json | None

    def fail_after(self) -> None:
        """To be called once the resource exists.

        Raises:
            CreateFailedError: a test wants it to fail now.
        """
        if self.fault and self.fault["then"] == "fail_after":
            raise CreateFailedError(self.fault["code"], self.fault["message"])


@contextmanager
def call(session: Session, kind: Kind, verb: str, urn: str) -> Generator[Call]:
    """Log a call with its start, its end and its error.

    Raises:
        ProviderError: a test wants it to fail at once, or the update was cancelled while it stalled.
    """
    operation = f"{kind.label}.{verb}"
    started = time.time()
    error = ""
    try:
        fault = session.world.fault_of(operation)
        if fault and fault["then"] == "fail":
            error_of_test = CloudError(fault["code"], fault["message"])
            raise session.cloud.worded(error_of_test, kind, operation, "as a test wants")
        if fault and fault["then"] == "stall":
            _stall(session, fault)
        yield Call(fault=fault)
    except ProviderError as raised:
        error = raised.message
        raise
    finally:
        session.world.log({"operation": operation, "urn": urn, "start": started, "end": time.time(), "error": error})


def _stall(session: Session, fault: Json) -> None:
    while any(each["operation"] == fault["operation"] for each in session.world.faults()):
        if session.cancelled.wait(_STALL_POLL_SECONDS):
            raise ProviderError("the update was cancelled")
