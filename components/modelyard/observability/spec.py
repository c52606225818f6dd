"""What a user writes of observability."""

from modelyard.spec import Count, spec


@spec
class MetricsSpec:
    """Prometheus with Alertmanager, kube-state-metrics and node-exporter, and the alerts on model services and Jobs."""

    retention_days: Count = 15
    """How long samples are kept. 15 days is Prometheus' own default. https://prometheus.io/docs/prometheus/latest/storage/"""
    storage_gib: Count = 50
    """The size of Prometheus' volume, GiB. The oldest samples go early where four fifths of it are full. A sample takes
    up to 2 bytes, so 50 GiB hold 15 days of about 500,000 series, read every 30 seconds. A volume can grow later if its
    StorageClass allows; it never shrinks."""


@spec
class ObservabilitySpec:
    """What tells how the stack is doing."""

    metrics: MetricsSpec | None = None
    """Metrics and alerts; `{}` for the defaults. Left out: none."""
