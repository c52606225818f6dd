"""Errors in AWS's own words."""

from tools.offline.aws.kinds import Kind
from tools.offline.common.errors import ProviderError


class AwsError(ProviderError):
    """AWS refuses a call."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.aws_code = code
        self.text = text

    def at(self, kind: Kind, verb: str, resource: str) -> ProviderError:
        """The error as the provider words it."""
        what = f"{verb} {kind.service} {kind.label} ({resource})"
        return ProviderError(
            f"{what}: operation error {kind.service}, api error {self.aws_code}: {self.text}", self.code
        )


class CreateFailedError(Exception):
    """AWS made the resource, and then it failed: it exists, and is of no use."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
