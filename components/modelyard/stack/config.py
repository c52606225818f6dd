"""Reads the stack that the running Pulumi program is configured with."""

import pulumi
from pulumi.runtime import is_config_secret

from modelyard.errors import ConfigError, Problem
from modelyard.stack.spec import OWN_KEY_FIX, STACK_KEY, StackSpec, load_stack, missing_secrets
from modelyard.workspace.secrets import secret_size_problems, stack_keys


def stack_from_config() -> StackSpec:
    """The stack in the config key `modelyard:stack` of the present Pulumi stack.

    The key is read by its full name, so that it is found from a project of any name.

    Raises:
        ConfigError: with every problem found; the messages are those of `modelyard check`.
    """
    config = pulumi.Config("modelyard")
    text = config.get(STACK_KEY)
    if is_config_secret(f"modelyard:{STACK_KEY}"):
        why = "has a secret value in it, which would end in clear text in the state"
        raise ConfigError(Problem(path=f"modelyard:{STACK_KEY}", why=why, fix=OWN_KEY_FIX))
    spec = load_stack(text)
    secrets = [secret for workspace in spec.workspaces.values() for secret in workspace.secrets.values()]
    found = list(missing_secrets(spec, stack_keys(secrets)))
    for name, workspace in spec.workspaces.items():
        found += [problem.under(f"workspaces.{name}") for problem in secret_size_problems(workspace.secrets)]
    if found:
        raise ConfigError(found)
    return spec
