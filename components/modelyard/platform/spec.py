"""What a user writes of the platform."""

from dataclasses import field

from modelyard.operators.spec import ChartsSpec
from modelyard.spec import spec


@spec
class PlatformSpec:
    """What the cluster needs before workloads."""

    charts: ChartsSpec = field(default_factory=ChartsSpec)
    """Where operators' charts come from."""
