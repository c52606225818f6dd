"""A job that runs once."""

import pulumi
import pulumi_kubernetes as k8s

from modelyard.batch.jobs import job_args, job_metadata, job_options, task_container, task_pod
from modelyard.batch.spec import BatchJobSpec
from modelyard.kube.labels import labels
from modelyard.kube.names import logical_name
from modelyard.workspace.checks import check_workload
from modelyard.workspace.claims import device_claims
from modelyard.workspace.workspace import Workspace

COMPONENT = "batch-job"


class BatchJob(pulumi.ComponentResource):
    """A program that runs to its end once, as a Kubernetes Job with a generated name.

    It runs when it is made. A change of its pods, of their number or of its failure rules ends the Job, also one under
    way, and runs the changed one from the beginning; a change of `retries` (unless `indexed`) or `timeout_seconds`
    alters it while it runs. A finished Job stays, so that a later update does not run it again: to run it again as it
    is, replace it (`pulumi up --replace URN`). Nothing waits for it unless `await_completion` says so."""

    job_name: pulumi.Output[str]
    """The Job's name in Kubernetes."""

    def __init__(
        self, name: str, workspace: Workspace, spec: BatchJobSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Start the job.

        Args:
            name: the job's own name.
            workspace: where it runs.
            spec: what runs.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: with every problem of the spec, on its own and in this workspace.
        """
        spec = check_workload(name, workspace, spec)
        logical = logical_name(workspace.workspace_name, name)
        super().__init__("modelyard:batch:BatchJob", logical, {}, opts)
        its_labels = labels(name, instance=logical, component=COMPONENT, workspace=workspace.workspace_name)
        claims = device_claims(logical, workspace, spec, its_labels, self)
        pod = task_pod(workspace, spec, task_container(name, spec), claims)
        self.job_name = k8s.batch.v1.Job(
            logical,
            metadata=job_metadata(workspace, spec, its_labels),
            spec=job_args(spec, pod, its_labels),
            opts=job_options(
                self,
                workspace,
                spec,
                [spec.indexed, spec.indexed and spec.retries, sorted(set(spec.fatal_exit_codes))],
            ),
        ).metadata.name
        workspace.offer_artifact(name, spec, self.job_name)
        self.register_outputs({"job_name": self.job_name})
