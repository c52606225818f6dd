"""What can go wrong between this provider and the API server."""

import grpc

from tools.offline.common.values import Json, as_list, as_map, as_text


class AwaitError(Exception):
    """An object did not reach the state that was waited for; `live` is how it was last seen."""

    def __init__(self, message: str, live: Json, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.live = live
        self.problems = problems


class NoMatchError(Exception):
    """The API server does not know the kind."""


class UnreachableError(Exception):
    """The API server did not answer."""


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, body: Json) -> None:
        self.status = status
        self.reason = as_text(body.get("reason"))
        self.details = as_map(body.get("details"))
        self.message = as_text(body.get("message")) or f"the API server answered HTTP {status}"
        super().__init__(self.message)

    @property
    def is_not_found(self) -> bool:
        return self.status == 404

    @property
    def is_forbidden(self) -> bool:
        return self.status == 403

    @property
    def is_already_exists(self) -> bool:
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def is_field_conflict(self) -> bool:
        """Whether another manager owns fields that were applied."""
        return self.status == 409 and bool(self.cause_fields("FieldManagerConflict"))

    @property
    def is_stale(self) -> bool:
        """Whether somebody else changed the object since it was read."""
        return self.status == 409 and self.reason == "Conflict" and not self.is_field_conflict

    @property
    def is_invalid(self) -> bool:
        return self.status == 422

    @property
    def is_missing_namespace(self) -> bool:
        return self.is_not_found and self.details.get("kind") == "namespaces"

    @property
    def is_dry_run_unsupported(self) -> bool:
        return self.status == 400 and "dry run" in self.message

    def cause_fields(self, reason: str) -> list[str]:
        """The fields that the server names as the cause `reason`, such as FieldValueRequired."""
        causes = [as_map(cause) for cause in as_list(self.details.get("causes"))]
        return [as_text(cause.get("field")) for cause in causes if cause.get("reason") == reason]

    @property
    def code(self) -> grpc.StatusCode:
        """A refusal is definite, a fault of the server is not."""
        if self.is_already_exists:
            return grpc.StatusCode.ALREADY_EXISTS
        return grpc.StatusCode.FAILED_PRECONDITION if self.status < 500 else grpc.StatusCode.UNKNOWN
