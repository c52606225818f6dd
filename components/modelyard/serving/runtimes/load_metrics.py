"""What a server says of its load, as names of Prometheus' metrics. Imports no Pulumi package."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LoadMetrics:
    """The metrics by which replicas can follow the load; None for what a server does not tell.

    Attributes:
        queued: a gauge: requests that wait for the model.
        running: a gauge: requests that are computed.
        tokens: a counter: tokens that were made, or read by a server that makes none.
        latency: a histogram without its suffix: seconds from a request to the end of its answer.
        first_token: a histogram without its suffix: seconds from a request to the first token of its answer.
        matchers: further labels of the metrics that they have to have, as PromQL.
    """

    queued: str | None = None
    running: str | None = None
    tokens: str | None = None
    latency: str | None = None
    first_token: str | None = None
    matchers: str = ""
