"""Which kind of cluster a stack is for, read from its file before there is anything that reads YAML."""

import re

from tools.toolchain.places import Places

EXTRAS = {"aks": ("azure",), "eks": ("aws",), "gke": ("gcp",)}
"""What a kind of cluster takes beside the library itself, by the key of its block."""
LOCAL = "local"
"""The kind whose cluster this machine runs."""

# `cluster:` with one key below it, on the next line that is no comment or in braces. Only ever indented: it is below
# `modelyard:stack`.
_KIND = re.compile(r"^ +cluster: *(?:\{ *|(?:#.*)?\n(?: *(?:#.*)?\n)* +)([a-z]+) *:", re.MULTILINE)

# A key below another, at the beginning of a line or in braces.
_GATEWAY = re.compile(r"^ +(?:[^#\n]*[{,] *)?gateway *:", re.MULTILINE)


def kind_of(stack: str, places: Places) -> str:
    """Return the key of the block in the stack's `cluster`: `local`, `existing`, `aks`, `eks`, `gke`.

    A file that is not there, or says it in a way that this does not see, is taken for a local stack's: what is wrong
    with it is told by who reads it for its own sake.
    """
    found = _KIND.search(_text(stack, places))
    return found[1] if found else LOCAL


def has_gateway(stack: str, places: Places) -> bool:
    """Return whether the stack's `platform` has a gateway, by the only place where a stack has this key."""
    return bool(_GATEWAY.search(_text(stack, places)))


def _text(stack: str, places: Places) -> str:
    file = places.project / "stacks" / f"Pulumi.{stack.rpartition('/')[2]}.yaml"
    return file.read_text(encoding="utf-8") if file.is_file() else ""
