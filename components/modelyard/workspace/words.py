"""Words of workloads with a form of their own: names of variables, ports, users, places for files."""

import posixpath
import re
from typing import Annotated

import annotated_types

from modelyard.errors import show
from modelyard.spec import Rule

_ENV_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


def _check_env_name(text: str) -> tuple[str, str] | None:
    if re.fullmatch(_ENV_NAME, text):
        return None
    return f"{show(text)} is no variable's name", "use letters, digits and underscores, not beginning with a digit"


EnvName = Annotated[str, Rule(_check_env_name, {"pattern": f"^{_ENV_NAME}$"})]
"""The name of an environment variable."""

UserId = Annotated[int, annotated_types.Interval(ge=1, le=2**31 - 1)]
"""A user's number; 0 is root, which pod security `restricted` refuses."""

Port = Annotated[int, annotated_types.Interval(ge=1024, le=65535)]
"""A port that a process may open without being root."""

StartupSeconds = Annotated[int, annotated_types.Interval(ge=5, le=86400)]
"""A start-up budget: from one probe's period to a day."""


def _check_path(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"/[!-~]*", text):
        return None
    return f"{show(text)} is no path", "write one beginning with /, without spaces"


HttpPath = Annotated[str, Rule(_check_path, {"pattern": "^/[!-~]*$"})]
"""A path on a container's own HTTP server: `/healthz`."""

MODEL_PATH = "/model"
"""Where a workload finds the model that it reads; also in the variable MODEL_PATH."""
ARTIFACT_PATH = "/artifact"
"""Where a job writes its artifact; also in the variable ARTIFACT_PATH."""
_OWN_PATHS = (MODEL_PATH, ARTIFACT_PATH, "/tmp", "/dev", "/proc", "/sys", "/cache")  # noqa: S108  # in the container


def _check_mount_path(text: str) -> tuple[str, str] | None:
    if text != posixpath.normpath(text) or not re.fullmatch(r"/[^\x00-\x20:]+", text):
        return (
            f"{show(text)} is no place for files",
            "write one like /data: absolute, without a slash at the end or '..'",
        )
    taken = next((path for path in _OWN_PATHS if text == path or text.startswith(f"{path}/")), None)
    return (f"{show(text)} lies in {taken}, which is taken", "choose another, for example /data") if taken else None


MountPath = Annotated[str, Rule(_check_mount_path, {"pattern": "^/[^/]"})]
"""Where a container sees files: an absolute path of its own."""


def _check_folder(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"[\w.-]+(/[\w.-]+)*", text, re.ASCII) and not {".", ".."} & set(text.split("/")):
        return None
    return (
        f"{show(text)} is no folder of a volume",
        "write one like digits/2: relative, of letters, digits, '.', '_', '-'",
    )


Folder = Annotated[str, Rule(_check_folder)]
"""A folder of a volume, relative to its top: `digits/2`."""
