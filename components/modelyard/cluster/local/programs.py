"""Finds the programs that a local cluster is made of."""

import importlib.util
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from modelyard.errors import ConfigError, Problem


def missing(programs: Iterable[str], fix: str) -> Iterator[Problem]:
    """A problem for each program that is not on PATH, and for the Kubernetes client where it is not installed."""
    for name in programs:
        if shutil.which(name) is None:
            yield Problem(path="engine", why=f"{name} is not on PATH", fix=fix)
    if importlib.util.find_spec("kubernetes") is None:
        fix = "install it: pip install 'modelyard[local]'"
        yield Problem(path="engine", why="Python's package kubernetes is not installed", fix=fix)


def find(programs: Mapping[str, str], fix: str) -> dict[str, Path]:
    """Where the programs are, by the names that they are to have.

    Args:
        programs: the name of a program on PATH by the name that it is to have.
        fix: what to do where one is not there.

    Raises:
        ConfigError: naming each program that is not on PATH.
    """
    found = {name: shutil.which(program) for name, program in programs.items()}
    absent = [programs[name] for name, path in found.items() if path is None]
    if absent:
        raise ConfigError(Problem(why=f"{name} is not on PATH", fix=fix) for name in absent)
    return {name: Path(path).absolute() for name, path in found.items() if path}
