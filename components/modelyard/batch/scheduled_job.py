"""A job that runs again and again."""

import pulumi
import pulumi_kubernetes as k8s

from modelyard.batch.jobs import job_args, task_container, task_pod
from modelyard.batch.queueing import queue_annotations, queue_labels
from modelyard.batch.spec import ScheduledJobSpec
from modelyard.kube.labels import labels
from modelyard.kube.names import logical_name
from modelyard.workspace.checks import check_workload
from modelyard.workspace.claims import device_claims
from modelyard.workspace.workspace import Workspace

COMPONENT = "scheduled-job"


class ScheduledJob(pulumi.ComponentResource):
    """A program that runs on a schedule, as a Kubernetes CronJob with a generated name.

    A change applies from the next run on; a run that is under way ends as it began. Removing it ends its runs too.
    """

    cron_job_name: pulumi.Output[str]
    """The CronJob's name in Kubernetes; names of its Jobs begin with it."""

    def __init__(
        self, name: str, workspace: Workspace, spec: ScheduledJobSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Schedule the job.

        Args:
            name: the job's own name.
            workspace: where it runs.
            spec: what runs, and when.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: with every problem of the spec, on its own and in this workspace.
        """
        spec = check_workload(name, workspace, spec)
        logical = logical_name(workspace.workspace_name, name)
        super().__init__("modelyard:batch:ScheduledJob", logical, {}, opts)
        its_labels = labels(name, instance=logical, component=COMPONENT, workspace=workspace.workspace_name)
        claims = device_claims(logical, workspace, spec, its_labels, self)
        requested = queue_annotations(spec, workspace.cluster.pools[spec.pool], spec.timeout_seconds)
        pod = task_pod(workspace, spec, task_container(name, spec), claims)
        self.cron_job_name = k8s.batch.v1.CronJob(
            logical,
            metadata=k8s.meta.v1.ObjectMetaArgs(namespace=workspace.namespace_for(spec).namespace, labels=its_labels),
            spec=k8s.batch.v1.CronJobSpecArgs(
                schedule=spec.schedule,
                time_zone=spec.time_zone,
                concurrency_policy=spec.concurrency.capitalize(),
                starting_deadline_seconds=spec.starting_deadline_seconds,
                successful_jobs_history_limit=spec.successful_jobs_kept,
                failed_jobs_history_limit=spec.failed_jobs_kept,
                suspend=spec.suspend,
                job_template=k8s.batch.v1.JobTemplateSpecArgs(
                    metadata=k8s.meta.v1.ObjectMetaArgs(
                        labels={**its_labels, **queue_labels(spec)}, annotations=requested or None
                    ),
                    spec=job_args(spec, pod, its_labels),
                ),
            ),
            opts=pulumi.ResourceOptions(
                parent=self, provider=workspace.cluster.kubernetes_provider, depends_on=workspace.before_pods(spec)
            ),
        ).metadata.name
        workspace.offer_artifact(name, spec, self.cron_job_name)
        self.register_outputs({"cron_job_name": self.cron_job_name})
