"""Work that ends: jobs that run once, on a schedule, or on several nodes together.

Belongs here: what Kubernetes' Job and CronJob do. Does not: what serves requests (`serving`), queues that decide when a
job may start (`platform`). `spec.py` is what a user writes, `schedule.py` the rules of cron lines; neither imports a
Pulumi package."""
