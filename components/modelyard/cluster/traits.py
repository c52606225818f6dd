"""What a cluster can do, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ClusterTraits:
    """What a cluster can do, as plain values, so that what is built on it is decided before anything is registered.

    A difference between clusters is a trait named after the capability, never the name of a cloud.

    Attributes:
        storage_class: for volumes that one node mounts; None is the cluster's default.
        shared_storage_class: for volumes that several nodes mount; None where there is none.
        shared_volume_gib_max: the largest such volume, GiB; None where there is no limit that anybody would meet.
        load_balancer_available: whether Services of type LoadBalancer get an address.
        load_balancer_class: what such a Service names as its `loadBalancerClass`; None for the cluster's own way.
        load_balancer_annotations: what such a Service must carry.
        public_load_balancer_annotations: what it must carry instead where the internet is to reach it.
        client_addresses_seen: whether pods behind such a Service see the addresses of those who connect.
        gateway_classes: GatewayClasses of the cluster's own load balancers, by who reaches them (`internal`,
            `internet`); empty where it has none that are ready for use.
        gateway_in_place: who acts on a gateway of class `envoy` here, where its chart cannot be installed; None for
            Envoy Gateway itself.
        gateway_source_ranges: the addresses that those connect to pods from.
        inference_pools_present: whether the cluster has the kind InferencePool by itself.
        network_policy_enforced: whether NetworkPolicy has an effect.
        metrics_api_available: whether `metrics.k8s.io` is served, which autoscaling by CPU or memory needs.
        charts_installed: whether operators come from their charts; otherwise only their kinds are registered.
        crds: a folder of CustomResourceDefinitions to register instead of permissive ones; only without charts.
        images: the image that stands for every version of a repository here, by repository.
        former_versions_days_max: how long an object store can keep former versions, days; None for any time.
        unsupported: what does not work here, with the reason.
    """

    storage_class: str | None = None
    shared_storage_class: str | None = None
    shared_volume_gib_max: int | None = None
    load_balancer_available: bool = True
    load_balancer_class: str | None = None
    load_balancer_annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    public_load_balancer_annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    client_addresses_seen: bool = True
    gateway_classes: Mapping[str, str] = field(default_factory=dict[str, str])
    gateway_in_place: str | None = None
    gateway_source_ranges: Sequence[str] = ()
    inference_pools_present: bool = False
    network_policy_enforced: bool = True
    metrics_api_available: bool = True
    charts_installed: bool = True
    crds: str | None = None
    images: Mapping[str, str] = field(default_factory=dict[str, str])
    former_versions_days_max: int | None = None
    unsupported: Mapping[str, str] = field(default_factory=dict[str, str])
