"""Failures that a provider tells the engine."""

import grpc

from tools.offline.common.values import Json


class ProviderError(Exception):
    """An operation failed in a way that the engine shows to the user.

    `code` tells the engine whether the resource may exist after all: only UNKNOWN does.
    """

    def __init__(self, message: str, code: grpc.StatusCode = grpc.StatusCode.FAILED_PRECONDITION) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class PartialError(ProviderError):
    """The object exists, but did not become ready; the engine records `state` and tries again with the next update."""

    def __init__(
        self, message: str, *, object_id: str, state: Json, reasons: tuple[str, ...], inputs: Json | None = None
    ) -> None:
        super().__init__(message, grpc.StatusCode.UNKNOWN)
        self.object_id = object_id
        self.state = state
        self.reasons = (message, *reasons)
        self.inputs = inputs
