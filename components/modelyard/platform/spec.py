"""What a user writes of the platform."""

from collections.abc import Mapping
from dataclasses import field

from modelyard.operators.spec import ChartsSpec
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.platform.priorities_spec import PrioritySpec
from modelyard.platform.queues_spec import QueueSpec
from modelyard.spec import Name, spec


@spec
class PlatformSpec:
    """What the cluster needs before workloads."""

    charts: ChartsSpec = field(default_factory=ChartsSpec)
    """Where operators' charts come from."""
    gateway: GatewaySpec | None = None
    """The entrance for clients from outside, which services have a `route` from. Left out: there is none, and services
    are reached from inside of the cluster only."""
    argo_rollouts_present: bool = False
    """Whether Argo Rollouts is on the cluster already, with its plugin `argoproj-labs/gatewayAPI` in version 0.15 or
    newer. Otherwise it is installed once a service has an automatic release; a cluster has one."""
    keda_present: bool = False
    """Whether KEDA is on the cluster already, in version 2.17 or newer. Otherwise it is installed once a service's
    autoscaling needs it; a cluster has one."""
    leader_worker_sets_present: bool = False
    """Whether the cluster has the controller of LeaderWorkerSets already, for services over several nodes. Otherwise it
    is installed once a service needs it."""
    inference_pools_present: bool = False
    """Whether the kind InferencePool is on the cluster already, in its version `v1`, as on GKE it always is. Otherwise
    it is registered where Envoy asks pickers of replicas."""
    kserve_present: bool = False
    """Whether KServe is on the cluster, in version 0.20 or newer, for services whose `backend` it is. It is never
    installed. On a cluster of this machine there is none: InferenceServices are accepted on simulated nodes, and
    nothing makes their pods."""
    priorities: Mapping[Name, PrioritySpec] = field(default_factory=dict[str, PrioritySpec])
    """Priorities by name, which workloads name one of where some matter more than others. Left out: all are alike."""
    queues: Mapping[Name, QueueSpec] = field(default_factory=dict[str, QueueSpec])
    """Queues by name, in which jobs and training wait for their turn. Left out: there are none, and every job starts
    when it is made."""
