"""Errors in a cloud's own words."""

from tools.offline.common.errors import ProviderError


class CloudError(ProviderError):
    """The cloud refuses a call. `Cloud.worded` says it as the provider does."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.cloud_code = code
        self.text = text


class CreateFailedError(Exception):
    """The cloud made the resource, and then it failed: it exists, and is of no use."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
