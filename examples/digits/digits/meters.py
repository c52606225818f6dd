"""What Prometheus reads: https://prometheus.io/docs/practices/naming/."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from digits.artifact import Metrics

_LATENCY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Meters:
    """The service's own numbers, and those of its process."""

    def __init__(self, metrics: Metrics) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter("digits_requests", "Requests answered.", ["path", "code"], registry=self.registry)
        self._latency = Histogram(
            "digits_request_duration_seconds",
            "From a request's head to the end of its answer.",
            ["path"],
            buckets=_LATENCY_SECONDS,
            registry=self.registry,
        )
        # What the model says is worth watching: a change of the mix is often the first sign of changed inputs.
        self._predictions = Counter("digits_predictions", "Images recognized.", ["digit"], registry=self.registry)
        info = Gauge("digits_model_info", "1 for the model that is served.", ["version"], registry=self.registry)
        info.labels(metrics.version).set(1)
        accuracy = Gauge("digits_model_accuracy", "Its accuracy when it was trained.", registry=self.registry)
        accuracy.set(metrics.accuracy)

    def count_request(self, path: str, code: int, seconds: float) -> None:
        """One request has been answered."""
        self._requests.labels(path, str(code)).inc()
        self._latency.labels(path).observe(seconds)

    def count_predictions(self, digits: Sequence[int]) -> None:
        """These digits have been recognized."""
        for digit in digits:
            self._predictions.labels(str(digit)).inc()
