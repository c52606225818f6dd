"""How names are made, and how long they may be. Imports no Pulumi package."""

import hashlib
import re
from collections.abc import Iterator

from modelyard.errors import ConfigError, Problem, show
from modelyard.spec import Name, spec, validate

LABEL_VALUE_CHARACTERS = 63
"""The longest value of a label: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"""

LOGICAL_NAME_CHARACTERS = 43
"""The longest `workspace-workload`. A CronJob's name ends at 52, since its Jobs add 11 characters, and Pulumi's
auto-naming takes 9 of them. The other kinds allow more: a Job's name becomes a label and its indexed pods' host name,
both at most 63. One limit for all, so that a workload may change its kind.
https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"""

_HASH_CHARACTERS = 8
_NOT_IN_LABELS = re.compile(r"[^A-Za-z0-9_.-]")


@spec
class _Named:
    name: Name


def logical_name(workspace: str, name: str) -> str:
    """The Pulumi name of a workload: unique over all workspaces of a stack, and the start of every generated name."""
    return f"{workspace}-{name}"


def name_problems(workspace: str, name: str) -> Iterator[Problem]:
    """What is wrong with a workload's name, alone and with its workspace's. The path is empty: it is the workload's."""
    yield from plain_name_problems(name)
    made = logical_name(workspace, name)
    if len(made) > LOGICAL_NAME_CHARACTERS:
        why = f"{show(made)}, from which names and labels are generated, has {len(made)} characters"
        fix = f"shorten the workspace's or the workload's name by {len(made) - LOGICAL_NAME_CHARACTERS}"
        yield Problem(why=why, fix=f"{fix}, as {LOGICAL_NAME_CHARACTERS} is the most")


def plain_name_problems(name: str) -> Iterator[Problem]:
    """What is wrong with a name that a component was given in Python; in YAML names are checked as keys."""
    try:
        validate(_Named(name=name))
    except ConfigError as error:
        yield from (Problem(why=problem.why, fix=problem.fix) for problem in error.problems)


def shortened(name: str, characters: int) -> str:
    """`name` itself where it is no longer than that; otherwise its beginning with a hash of the whole."""
    if len(name) <= characters:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_CHARACTERS]
    return f"{name[: characters - _HASH_CHARACTERS - 1].rstrip('-')}-{digest}"


def label_value(text: str) -> str:
    """`text` itself where it may be a label's value; otherwise its beginning with a hash of the whole."""
    safe = _NOT_IN_LABELS.sub("-", text).strip("-_.")
    if safe == text and len(text) <= LABEL_VALUE_CHARACTERS:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_HASH_CHARACTERS]
    start = safe[: LABEL_VALUE_CHARACTERS - _HASH_CHARACTERS - 1].rstrip("-_.")
    return f"{start}-{digest}" if start else digest


def stack_label_value(project: str, stack: str) -> str:
    """The value of the label `modelyard.dev/stack`, which every object of a stack carries."""
    return label_value(f"{project}.{stack}")
