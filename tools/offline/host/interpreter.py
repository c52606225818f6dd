"""Which Python runs a project's program, from the `runtime.options` of its Pulumi.yaml."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


class OptionError(ValueError):
    """An option of Pulumi.yaml that this host cannot follow; the message is for the user."""


def find_python(root: Path, options: Mapping[str, object]) -> Path:
    """
    The interpreter for a project whose Pulumi.yaml is in `root`.

    `virtualenv` is relative to `root`; without it, `PULUMI_PYTHON_CMD`, `python3` or `python` from PATH, as Pulumi's
    own host has it. Raises OptionError where there is no such interpreter, and for options that need more than running
    a program.
    """
    _reject_unsupported(options)
    option = options.get("virtualenv")
    if option is None:
        return _python_on_path()
    if not isinstance(option, str):
        raise OptionError(f"runtime.options.virtualenv in Pulumi.yaml is {option!r}; it must be a string")
    folder = root / option
    python = folder / "bin" / "python"
    if not python.is_file():
        state = "is not a virtual environment" if folder.exists() else "does not exist"
        raise OptionError(
            f"runtime.options.virtualenv in Pulumi.yaml is {option!r}, but {folder} {state}; "
            f"make it with `python3 -m venv {folder}` and install the project's dependencies into it"
        )
    return python


def environment_of(python: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` as an activated virtual environment has it, where `python` is one's."""
    folder = python.parent.parent
    if not (folder / "pyvenv.cfg").is_file():
        return dict(environment)
    kept = {key: value for key, value in environment.items() if key != "PYTHONHOME"}
    path = os.pathsep.join([str(python.parent), environment.get("PATH", os.defpath)])
    return {**kept, "PATH": path, "VIRTUAL_ENV": str(folder)}


def _reject_unsupported(options: Mapping[str, object]) -> None:
    toolchain = options.get("toolchain", "pip")
    if toolchain not in {"pip", "uv"} or (toolchain == "uv" and not options.get("virtualenv")):
        raise OptionError(
            f"runtime.options.toolchain in Pulumi.yaml is {toolchain!r}, and the offline language host asks no package "
            "manager for an environment; use toolchain pip or uv, with runtime.options.virtualenv set to the folder"
        )
    if options.get("typechecker"):
        raise OptionError(
            "runtime.options.typechecker in Pulumi.yaml is set, but the offline language host runs no type checker; "
            "remove the option and run the checker by itself"
        )


def _python_on_path() -> Path:
    names = [os.environ["PULUMI_PYTHON_CMD"]] if os.environ.get("PULUMI_PYTHON_CMD") else ["python3", "python"]
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise OptionError(f"no {' or '.join(names)} on PATH; set runtime.options.virtualenv in Pulumi.yaml")
