"""User data of nodes: EKS joins its own part to it, and so has to be able to read it.

https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html#launch-template-user-data
"""

import base64
import email
import tomllib
from typing import Any

from tools.offline.cloud.errors import CloudError


def require_readable(image: str, text: Any) -> None:
    """User data in the form that an image takes: MIME for Amazon Linux, TOML for Bottlerocket.

    Raises:
        CloudError: it is in another.
    """
    if not isinstance(text, str) or image == "CUSTOM":
        return
    plain = base64.b64decode(text).decode()
    if image.startswith("BOTTLEROCKET"):
        try:
            tomllib.loads(plain)
        except tomllib.TOMLDecodeError as error:
            message = f"User data was not in the TOML format: {error}"
            raise CloudError("Ec2LaunchTemplateInvalidConfiguration", message) from None
    elif not email.message_from_string(plain).is_multipart():
        raise CloudError("Ec2LaunchTemplateInvalidConfiguration", "User data was not in the MIME multipart format.")
