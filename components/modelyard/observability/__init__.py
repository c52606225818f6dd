"""What tells how the stack is doing: metrics and alerts.

Belongs here: the monitoring system, its rules, and how a Service is scraped. Does not: which Services there are
(`serving`), how an operator is installed (`platform`). `spec.py` and `rules.py` import no Pulumi package."""
