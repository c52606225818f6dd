"""One program on several nodes at once."""

from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from modelyard.batch.jobs import failure_policy, job_metadata, job_options, task_container, task_pod
from modelyard.batch.spec import RENDEZVOUS_PORT, TrainingJobSpec
from modelyard.kube.containers import Container
from modelyard.kube.labels import labels, selector
from modelyard.kube.names import logical_name
from modelyard.kube.placement import nodes_of_their_own
from modelyard.kube.pods import Pod, pod_template
from modelyard.workspace.checks import check_workload
from modelyard.workspace.claims import device_claims
from modelyard.workspace.workspace import Workspace

COMPONENT = "training-job"
RENDEZVOUS_SECONDS = 1800
"""How long a node waits for the others. torchrun's 15 minutes are less than a new GPU node and a large image may
take."""


class TrainingJob(pulumi.ComponentResource):
    """A program that runs on several nodes at once, as an Indexed Job with a headless Service.

    It makes the Service `NAME`, through which the pods find each other, and a Job with a generated name, one pod for
    each node. The pods get torchrun's variables (`PET_…`, so that the command needs no options for them) and
    `MASTER_ADDR`, `MASTER_PORT`, `NODE_RANK` and `NNODES` for other launchers. Variables in the spec win over all of
    these.

    Over more than one node of a pool with a fabric, each pod gets the fabric's devices that go with its GPUs, and what
    else the fabric needs. Where that is a capability which pod security `restricted` refuses, all of the job is made in
    the workspace's companion namespace.

    Pods start as nodes become free, not all or none; with a `queue`, once it has room for all. It makes no volume for
    checkpoints. A change of its pods or its failure rules ends the Job, also one under way, and starts the changed one
    from the beginning, where the program finds its own checkpoints; a change of `retries` or `timeout_seconds` alters
    it while it runs. Nothing waits for its end unless `await_completion` says so."""

    job_name: pulumi.Output[str]
    """The Job's name in Kubernetes; node N has the host name `JOB-N`."""
    service_name: pulumi.Output[str]
    """The headless Service's name; node N has the address `JOB-N.SERVICE`."""

    def __init__(
        self, name: str, workspace: Workspace, spec: TrainingJobSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Start the training.

        Args:
            name: the job's own name, and that of its Service.
            workspace: where it runs.
            spec: what runs, and on how many nodes.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: with every problem of the spec, on its own and in this workspace.
        """
        spec = check_workload(name, workspace, spec)
        logical = logical_name(workspace.workspace_name, name)
        super().__init__("modelyard:batch:TrainingJob", logical, {}, opts)
        self._name, self._logical, self._workspace = name, logical, workspace
        self._labels = labels(name, instance=logical, component=COMPONENT, workspace=workspace.workspace_name)
        self._selector = selector(name, instance=logical, component=COMPONENT)
        self._home = workspace.namespace_for(spec)
        self.service_name = self._service().metadata.name
        self.job_name = self._job(spec).metadata.name
        workspace.offer_artifact(name, spec, self.job_name)
        self.register_outputs({"job_name": self.job_name, "service_name": self.service_name})

    def _service(self) -> k8s.core.v1.Service:
        return k8s.core.v1.Service(
            self._logical,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=self._name, namespace=self._home.namespace, labels=self._labels),
            spec=k8s.core.v1.ServiceSpecArgs(
                cluster_ip="None",
                # The nodes must find each other before any of them is ready.
                publish_not_ready_addresses=True,
                selector=self._selector,
                ports=[k8s.core.v1.ServicePortArgs(name="rendezvous", port=RENDEZVOUS_PORT)],
            ),
            opts=pulumi.ResourceOptions(parent=self, provider=self._workspace.cluster.kubernetes_provider),
        )

    def _job(self, spec: TrainingJobSpec) -> k8s.batch.v1.Job:
        pod = self._pod(spec)
        return k8s.batch.v1.Job(
            self._logical,
            metadata=job_metadata(self._workspace, spec, self._labels),
            spec=k8s.batch.v1.JobSpecArgs(
                completions=spec.nodes,
                parallelism=spec.nodes,
                completion_mode="Indexed",
                backoff_limit=spec.retries * spec.nodes,
                active_deadline_seconds=spec.timeout_seconds,
                pod_failure_policy=failure_policy(spec.fatal_exit_codes, pod),
                pod_replacement_policy="Failed",
                template=pod_template(pod, self._labels),
            ),
            opts=job_options(self, self._workspace, spec, sorted(set(spec.fatal_exit_codes))),
        )

    def _pod(self, spec: TrainingJobSpec) -> Pod:
        claims = device_claims(self._logical, self._workspace, spec, self._labels, self)
        return replace(
            task_pod(self._workspace, spec, self._container(spec), claims),
            affinity=nodes_of_their_own(self._selector) if spec.nodes > 1 else None,
            subdomain=self.service_name,
        )

    def _container(self, spec: TrainingJobSpec) -> Container:
        # The Job's name is generated, so that a pod learns it from its own labels; Kubernetes fills in $(…).
        pool = self._workspace.cluster.pools[spec.pool]
        uses_nccl = spec.gpus_per_node and pool.accelerator and pool.accelerator.vendor != "tpu"
        master = pulumi.Output.concat("$(JOB_NAME)-0.", self.service_name)
        return replace(
            task_container(self._name, spec),
            field_env={
                "JOB_NAME": "metadata.labels['batch.kubernetes.io/job-name']",
                "NODE_RANK": "metadata.labels['batch.kubernetes.io/job-completion-index']",
            },
            env={
                "MASTER_ADDR": master,
                "MASTER_PORT": str(RENDEZVOUS_PORT),
                "NNODES": str(spec.nodes),
                "PET_NNODES": str(spec.nodes),
                "PET_NODE_RANK": "$(NODE_RANK)",
                "PET_NPROC_PER_NODE": str(spec.gpus_per_node or 1),
                "PET_MASTER_ADDR": "$(MASTER_ADDR)",
                "PET_MASTER_PORT": "$(MASTER_PORT)",
                "PET_RDZV_CONF": f"timeout={RENDEZVOUS_SECONDS}",
                # Without a device of the fabric, NCCL must not try one that it sees on the node.
                **({"NCCL_IB_DISABLE": "1"} if uses_nccl and not spec.is_on_fabric(pool) else {}),
            },
            ports={"rendezvous": RENDEZVOUS_PORT},
        )
