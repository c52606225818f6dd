"""The control plane: the API server with what GKE runs beside it, and who reaches it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pulumi
from pulumi_gcp import container

from modelyard.cluster.gke.account import Account
from modelyard.cluster.gke.autoscaling import cluster_autoscaling
from modelyard.cluster.gke.identity import NodeIdentity
from modelyard.cluster.gke.keys import Keys
from modelyard.cluster.gke.network import Network
from modelyard.cluster.gke.networks import GkeExistingVpcSpec
from modelyard.cluster.gke.node_config import CLOUD_PLATFORM_SCOPE
from modelyard.cluster.gke.spec import GkeApiEndpointSpec, GkeMaintenanceSpec, GkeSpec
from modelyard.cluster.pools import Pool

_DEFAULT_POOL = "default-pool"
"""What Google's provider removes, by this name."""
_NOT_OURS = ["nodePools", "nodeConfig", "initialNodeCount"]
"""What the API says of these is about whatever pools there are, which are resources of their own."""
_LOGS = ("SYSTEM_COMPONENTS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER")
_FIRST_WINDOW = datetime(2026, 1, 1)  # noqa: DTZ001  # its day is of no account, as the window recurs
_WRITTEN = "%Y-%m-%dT%H:%M:00Z"


def make_control_plane(
    account: Account, spec: GkeSpec, pools: Mapping[str, Pool], network: Network, nodes: NodeIdentity, keys: Keys
) -> container.Cluster:
    """Make the control plane, without nodes.

    GKE makes no cluster without a pool of nodes, so there is one with no node in it, which is removed at once: it takes
    no machines, and less time than one of which nodes have to come. A pool that stood in the cluster for good could not
    be replaced without it.

    It depends on its subnetwork but not on the way out, which is made meanwhile.

    Args:
        account: where.
        spec: what.
        pools: the pools by name, for the limits of node auto-provisioning.
        network: where its nodes are.
        nodes: who they are.
        keys: the user's key, if there is one.
    """
    return container.Cluster(
        f"{account.name}-cluster",
        name=account.cluster_name,
        project=account.project,
        location=spec.location,
        # A regional cluster names all of its nodes' zones, a zonal one those beside its own.
        node_locations=[zone for zone in spec.zone_names if zone != spec.location],
        # The newest patch release of the minor version that the channel has. A newer one is no change.
        min_master_version=spec.kubernetes_version,
        **_upgrades(spec),
        **_networking(network),
        **_endpoints(spec.api_endpoint),
        **_access(account, spec),
        **_nodes(spec, pools, nodes, keys),
        **_services(spec),
        **_encryption(keys),
        # Pulumi's own lock, on unless it is turned off; Google has none.
        deletion_protection=spec.deletion_protection,
        opts=pulumi.ResourceOptions.merge(
            account.options_in("container", [account.apis["compute"], *nodes.complete, *keys.usable["container"]]),
            pulumi.ResourceOptions(
                ignore_changes=_NOT_OURS,
                # A new one comes before the old one goes, or what is on the old one would be deleted after it, when
                # nobody can be asked to. So Google refuses a replacement that keeps the name, before anything is lost.
                replacement_trigger=_fixed_for_good(spec),
                delete_before_replace=False,
            ),
        ),
    )


def _fixed_for_good(spec: GkeSpec) -> str:
    """What can never change of a cluster, beside its project and its name: where it is, and its addresses."""
    network = spec.network
    if isinstance(network, GkeExistingVpcSpec):
        addresses = f"{network.network} {network.subnetwork} {network.pods_range} {network.services_range}"
    else:
        addresses = f"{network.nodes_cidr} {network.pods_cidr} {network.services_cidr}"
    return f"{spec.location} {addresses}"


def _upgrades(spec: GkeSpec) -> dict[str, Any]:
    held = container.ClusterMaintenancePolicyMaintenanceExclusionArgs(
        exclusion_name="minor-version-by-hand",
        start_time=_FIRST_WINDOW.strftime(_WRITTEN),
        # It ends by itself when Google would no longer mend the version.
        # https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions
        exclusion_options=container.ClusterMaintenancePolicyMaintenanceExclusionExclusionOptionsArgs(
            scope="NO_MINOR_UPGRADES", end_time_behavior="UNTIL_END_OF_SUPPORT"
        ),
    )
    return {
        "release_channel": container.ClusterReleaseChannelArgs(channel=spec.upgrade.channel.upper()),
        "maintenance_policy": container.ClusterMaintenancePolicyArgs(
            recurring_window=_window(spec.upgrade.maintenance),
            maintenance_exclusions=[held] if spec.upgrade.minor == "by_hand" else [],
        ),
    }


def _window(maintenance: GkeMaintenanceSpec) -> container.ClusterMaintenancePolicyRecurringWindowArgs:
    hour, minute = (int(part) for part in maintenance.start.split(":"))
    start = _FIRST_WINDOW.replace(hour=hour, minute=minute)
    days = ",".join(day[:2].upper() for day in maintenance.days or ())
    return container.ClusterMaintenancePolicyRecurringWindowArgs(
        start_time=start.strftime(_WRITTEN),
        end_time=(start + timedelta(hours=maintenance.hours)).strftime(_WRITTEN),
        recurrence=f"FREQ=WEEKLY;BYDAY={days}" if days else "FREQ=DAILY",
    )


def _networking(network: Network) -> dict[str, Any]:
    return {
        "network": network.network,
        "subnetwork": network.subnetwork,
        "networking_mode": "VPC_NATIVE",
        "ip_allocation_policy": container.ClusterIpAllocationPolicyArgs(
            cluster_secondary_range_name=network.pods_range, services_secondary_range_name=network.services_range
        ),
        # Dataplane V2: network policies hold, and networks between GPUs can be had, which ask for both.
        "datapath_provider": "ADVANCED_DATAPATH",
        "enable_multi_networking": True,
        # Load balancers reach pods without a detour; what Google recommends, and never turns off again.
        # https://cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer#subsetting
        "enable_l4_ilb_subsetting": True,
        "gateway_api_config": container.ClusterGatewayApiConfigArgs(channel="CHANNEL_STANDARD"),
        # Whoever may write a Service could take over anybody's address with it (CVE-2020-8554).
        "service_external_ips_config": container.ClusterServiceExternalIpsConfigArgs(enabled=False),
    }


def _endpoints(endpoint: GkeApiEndpointSpec) -> dict[str, Any]:
    """Who reaches the API server. https://cloud.google.com/kubernetes-engine/docs/concepts/network-isolation"""
    ranges = [*(endpoint.public_cidrs or ()), *endpoint.private_cidrs]
    config = container.ClusterControlPlaneEndpointsConfigArgs(
        dns_endpoint_config=container.ClusterControlPlaneEndpointsConfigDnsEndpointConfigArgs(
            allow_external_traffic=endpoint.dns,
            # Tokens of service accounts and client certificates go past IAM.
            enable_k8s_certs_via_dns=False,
            enable_k8s_tokens_via_dns=False,
        ),
        ip_endpoints_config=container.ClusterControlPlaneEndpointsConfigIpEndpointsConfigArgs(
            enabled=endpoint.by_address
        ),
    )
    authorized = container.ClusterMasterAuthorizedNetworksConfigArgs(
        cidr_blocks=[container.ClusterMasterAuthorizedNetworksConfigCidrBlockArgs(cidr_block=cidr) for cidr in ranges],
        # Everybody's virtual machines in Google Cloud.
        gcp_public_cidrs_access_enabled=False,
        private_endpoint_enforcement_enabled=True,
    )
    return {
        "control_plane_endpoints_config": config,
        "master_authorized_networks_config": authorized if endpoint.by_address else None,
        "private_cluster_config": container.ClusterPrivateClusterConfigArgs(
            enable_private_nodes=True,
            enable_private_endpoint=not endpoint.public_cidrs,
            # A VPN or a peered network may be in another region.
            master_global_access_config=(
                container.ClusterPrivateClusterConfigMasterGlobalAccessConfigArgs(enabled=True)
                if endpoint.private_cidrs
                else None
            ),
        ),
    }


def _access(account: Account, spec: GkeSpec) -> dict[str, Any]:
    return {
        "workload_identity_config": container.ClusterWorkloadIdentityConfigArgs(workload_pool=account.workload_pool),
        "authenticator_groups_config": (
            container.ClusterAuthenticatorGroupsConfigArgs(security_group=spec.security_group)
            if spec.security_group
            else None
        ),
        "enable_legacy_abac": False,
        "master_auth": container.ClusterMasterAuthArgs(
            client_certificate_config=container.ClusterMasterAuthClientCertificateConfigArgs(
                issue_client_certificate=False
            )
        ),
        # Without a name one sees whether the server is well, and no role can give more to everybody.
        "anonymous_authentication_config": container.ClusterAnonymousAuthenticationConfigArgs(mode="LIMITED"),
        "rbac_binding_config": container.ClusterRbacBindingConfigArgs(
            enable_insecure_binding_system_authenticated=False, enable_insecure_binding_system_unauthenticated=False
        ),
        "security_posture_config": container.ClusterSecurityPostureConfigArgs(
            mode="BASIC", vulnerability_mode="VULNERABILITY_DISABLED"
        ),
    }


def _nodes(spec: GkeSpec, pools: Mapping[str, Pool], nodes: NodeIdentity, keys: Keys) -> dict[str, Any]:
    empty = container.ClusterNodePoolArgs(
        name=_DEFAULT_POOL,
        initial_node_count=0,
        # Policies of an organization hold for it too: no default account, shielded machines, its own key.
        node_config=container.ClusterNodePoolNodeConfigArgs(
            service_account=nodes.email,
            oauth_scopes=[CLOUD_PLATFORM_SCOPE],
            shielded_instance_config=container.ClusterNodePoolNodeConfigShieldedInstanceConfigArgs(
                enable_secure_boot=True, enable_integrity_monitoring=True
            ),
            boot_disk_kms_key=keys.key,
        ),
    )
    return {
        "node_pools": [empty],
        "remove_default_node_pool": True,
        "enable_shielded_nodes": True,
        "node_pool_defaults": container.ClusterNodePoolDefaultsArgs(
            node_config_defaults=container.ClusterNodePoolDefaultsNodeConfigDefaultsArgs(
                gcfs_config=container.ClusterNodePoolDefaultsNodeConfigDefaultsGcfsConfigArgs(
                    enabled=spec.image_streaming
                ),
                # It answers whoever reaches a node, without asking who it is.
                insecure_kubelet_readonly_port_enabled="FALSE",
            )
        ),
        # Said also where it is off: left out, it would stay on where it was.
        "cluster_autoscaling": cluster_autoscaling(spec, pools, nodes.email)
        or container.ClusterClusterAutoscalingArgs(enabled=False),
    }


def _services(spec: GkeSpec) -> dict[str, Any]:
    """What GKE runs on the cluster, and what it tells of it."""
    return {
        "addons_config": container.ClusterAddonsConfigArgs(
            # Names are answered on each node, so that a burst of lookups drops none.
            dns_cache_config=container.ClusterAddonsConfigDnsCacheConfigArgs(enabled=True),
            gce_persistent_disk_csi_driver_config=container.ClusterAddonsConfigGcePersistentDiskCsiDriverConfigArgs(
                enabled=True
            ),
            gcs_fuse_csi_driver_config=container.ClusterAddonsConfigGcsFuseCsiDriverConfigArgs(enabled=True),
            gcp_filestore_csi_driver_config=container.ClusterAddonsConfigGcpFilestoreCsiDriverConfigArgs(
                enabled=bool(spec.shared_storage)
            ),
            horizontal_pod_autoscaling=container.ClusterAddonsConfigHorizontalPodAutoscalingArgs(disabled=False),
            # The controller of Ingresses and Gateways.
            http_load_balancing=container.ClusterAddonsConfigHttpLoadBalancingArgs(disabled=False),
        ),
        "logging_config": container.ClusterLoggingConfigArgs(enable_components=_logs(spec)),
        "monitoring_config": container.ClusterMonitoringConfigArgs(
            # Without charge, unlike all others.
            enable_components=["SYSTEM_COMPONENTS"],
            managed_prometheus=container.ClusterMonitoringConfigManagedPrometheusArgs(enabled=spec.managed_prometheus),
        ),
        # What each namespace costs stands in the bill.
        "cost_management_config": container.ClusterCostManagementConfigArgs(enabled=True),
    }


def _logs(spec: GkeSpec) -> Sequence[str]:
    return [*_LOGS, *(("WORKLOADS",) if spec.workload_logs else ())]


def _encryption(keys: Keys) -> dict[str, Any]:
    """Secrets encrypted with the user's key, beside Google's encryption of everything in the API server's store.

    https://cloud.google.com/kubernetes-engine/docs/how-to/encrypting-secrets
    """
    if not keys.key:
        return {}
    return {"database_encryption": container.ClusterDatabaseEncryptionArgs(state="ENCRYPTED", key_name=keys.key)}
