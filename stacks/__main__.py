"""The Pulumi program of every environment: the stack's file says what it is."""

from modelyard import MLStack

MLStack.from_config().outputs.export()
