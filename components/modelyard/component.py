"""What every component does first: check its spec, so that nothing is registered for bad input."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import pulumi

from modelyard.errors import ConfigError, Problem
from modelyard.spec import validate

T = TypeVar("T")


class ProgramConfigError(ConfigError, pulumi.RunError):
    """A ConfigError that Pulumi shows as its message alone, without a stack trace."""


def checked(spec: T, path: str, *rules: Callable[[T], Iterable[Problem]]) -> T:
    """The spec, once it is valid in itself and keeps the rules that need more than itself.

    Args:
        spec: what the component is to be built from.
        path: the component's name, for messages.
        rules: further rules; they run on the valid spec, and all of their problems are reported at once.

    Raises:
        ConfigError: with every problem found.
    """
    try:
        valid = validate(spec)
    except ConfigError as error:
        raise shown(error.problems, path) from None
    found = [problem for rule in rules for problem in rule(valid)]
    if found:
        raise shown(found, path)
    return valid


def shown(problems: Iterable[Problem], path: str = "") -> ProgramConfigError:
    """These problems as an error that Pulumi shows without a stack trace."""
    return ProgramConfigError(problem.under(path) for problem in problems)
