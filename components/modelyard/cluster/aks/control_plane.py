"""The control plane: the API server with who may use it, its keys, its logs, and when it changes by itself."""

import json
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_azure_native as azure

from modelyard.cluster.aks.account import Account
from modelyard.cluster.aks.identity import ClusterIdentities
from modelyard.cluster.aks.locations import zone_number
from modelyard.cluster.aks.network import Network
from modelyard.cluster.aks.networks import AksExistingVnetSpec
from modelyard.cluster.aks.spec import AksSpec
from modelyard.cluster.networks import cidr_of

SYSTEM_POOL = "cluster"
"""The name of the pool that the cluster itself owns; no pool of the user's becomes one of this name."""
_DNS_ADDRESS = 10
"""The address of DNS within the Services'."""
_SYSTEM_PODS = 110
_UNUSED_IMAGES_HOURS = 168
_READY_WITHIN = "30m"
"""How long a node may take until its GPUs are there, before the autoscaler tries another or takes it away. Where
operators compile the drivers of GPUs and InfiniBand on it, AKS' own 15 and 20 minutes can be too short: each failure
would be another large machine. https://learn.microsoft.com/azure/aks/cluster-autoscaler"""
_TIERS = {"free": "Free", "standard": "Standard", "premium": "Premium"}
_SUPPORT = {"standard": "KubernetesOfficial", "long_term": "AKSLongTermSupport"}
_LOGS: Mapping[str, Sequence[str]] = {
    "none": (),
    "audit": ("kube-audit-admin", "guard", "cluster-autoscaler"),
    "all": (
        "kube-apiserver", "kube-audit", "kube-controller-manager", "kube-scheduler", "cluster-autoscaler",
        "cloud-controller-manager", "guard", "csi-azuredisk-controller", "csi-azurefile-controller",
    ),
}  # fmt: skip
"""Categories of the control plane's logs. `kube-audit-admin` is the audit without who only read.
https://learn.microsoft.com/azure/aks/monitor-aks-reference#resource-logs"""


def make_control_plane(
    account: Account, spec: AksSpec, network: Network, identities: ClusterIdentities
) -> azure.containerservice.ManagedCluster:
    """Make the control plane.

    - Accounts are those of Entra ID alone, and what they may do is written in Kubernetes (RBAC), as on every cluster:
      the `admins` groups administer it, everybody else has what workspaces give.
    - Its address is in a subnet of the network, so nodes reach it inside, and a public one can be added or taken away.
      Its host name is found from anywhere in both cases, and leads to the private address where there is no other.
    - Pods have addresses of their own (overlay), and Cilium moves and filters their traffic.
    - Off, and to be had in the portal for whoever wants to pay for it: Defender, Azure Policy, Managed Prometheus,
      ingress. Off for good: `az aks command invoke`, which runs as administrator past the network.

    Azure wants a pool of nodes in the cluster from the start. It is one node, the same for the cluster's life, with a
    taint that leaves it to AKS' own parts. Pools of the user's are made beside it, each of which can be changed and
    replaced. What the cluster says of pools is therefore ignored once it is made: Azure lists all of them there, and
    ignores in an update which are left out, but refuses one that is gone by now.
    https://github.com/pulumi/pulumi-azure-native/issues/2719
    """
    return azure.containerservice.ManagedCluster(
        f"{account.name}-cluster",
        resource_name_=account.cluster_name,
        resource_group_name=account.resource_group,
        location=account.region,
        kubernetes_version=spec.kubernetes_version,
        dns_prefix=account.cluster_name,
        # A known name, so that it can be looked for.
        node_resource_group=node_resource_group(account.cluster_name),
        sku=azure.containerservice.ManagedClusterSKUArgs(name="Base", tier=_TIERS[spec.tier]),
        support_plan=_SUPPORT[spec.upgrade.support],
        identity=azure.containerservice.ManagedClusterIdentityArgs(
            type=azure.containerservice.ResourceIdentityType.USER_ASSIGNED,
            user_assigned_identities=[identities.control_plane.id],
        ),
        identity_profile={
            "kubeletidentity": azure.containerservice.UserAssignedIdentityArgs(
                resource_id=identities.kubelet.id,
                client_id=identities.kubelet.client_id,
                object_id=identities.kubelet.principal_id,
            )
        },
        enable_rbac=True,
        disable_local_accounts=True,
        aad_profile=azure.containerservice.ManagedClusterAADProfileArgs(
            managed=True,
            enable_azure_rbac=False,
            admin_group_object_ids=list(spec.admins),
            tenant_id=spec.tenant_id,
        ),
        api_server_access_profile=_api_server(spec, network),
        oidc_issuer_profile=azure.containerservice.ManagedClusterOIDCIssuerProfileArgs(enabled=True),
        security_profile=_security(spec),
        disk_encryption_set_id=spec.encryption.disk_encryption_set_id,
        network_profile=_network_profile(spec, network),
        storage_profile=azure.containerservice.ManagedClusterStorageProfileArgs(
            disk_csi_driver=azure.containerservice.ManagedClusterStorageProfileDiskCSIDriverArgs(enabled=True),
            file_csi_driver=azure.containerservice.ManagedClusterStorageProfileFileCSIDriverArgs(enabled=True),
            snapshot_controller=azure.containerservice.ManagedClusterStorageProfileSnapshotControllerArgs(enabled=True),
            # Only for shared volumes: object stores are used by their own interface.
            blob_csi_driver=azure.containerservice.ManagedClusterStorageProfileBlobCSIDriverArgs(
                enabled=bool(spec.shared_storage) and spec.shared_storage_service == "blob"
            ),
        ),
        auto_upgrade_profile=azure.containerservice.ManagedClusterAutoUpgradeProfileArgs(
            upgrade_channel=spec.upgrade.channel,
            node_os_upgrade_channel="NodeImage" if spec.upgrade.node_images == "weekly" else "None",
        ),
        node_provisioning_profile=_node_provisioning(spec),
        auto_scaler_profile=_autoscaler(spec),
        agent_pool_profiles=[_system_pool(account, spec, network)],
        tags=account.tags,
        opts=pulumi.ResourceOptions.merge(
            account.options(identities.complete),
            # A new one comes before the old one goes, or what is on the old one would be deleted after it, when nobody
            # can be asked to. So Azure refuses a replacement that keeps the name, before anything is lost. What
            # replaces is said here: the provider would try to change some of it in place.
            pulumi.ResourceOptions(
                replacement_trigger=_fixed_for_good(spec),
                delete_before_replace=False,
                ignore_changes=["agentPoolProfiles"],
                protect=spec.deletion_protection,
            ),
        ),
    )


def node_resource_group(cluster_name: str) -> str:
    """The resource group that AKS makes for machines, disks and load balancers, and removes with the cluster."""
    return f"{cluster_name}-nodes"


def make_maintenance(account: Account, spec: AksSpec, cluster: azure.containerservice.ManagedCluster) -> None:
    """Say when AKS may change Kubernetes' patch release and nodes' images, each where it does so by itself.

    https://learn.microsoft.com/azure/aks/planned-maintenance
    """
    upgrade = spec.upgrade
    wanted = {
        "aksManagedAutoUpgradeSchedule": upgrade.channel != "none",
        "aksManagedNodeOSUpgradeSchedule": upgrade.node_images != "none",
    }
    window = azure.containerservice.MaintenanceWindowArgs(
        schedule=azure.containerservice.ScheduleArgs(
            weekly=azure.containerservice.WeeklyScheduleArgs(day_of_week=upgrade.day.capitalize(), interval_weeks=1)
        ),
        start_time=f"{upgrade.start_hour_utc:02}:00",
        utc_offset="+00:00",
        duration_hours=upgrade.duration_hours,
    )
    for name in (each for each, is_wanted in wanted.items() if is_wanted):
        azure.containerservice.MaintenanceConfiguration(
            f"{account.name}-{name}",
            # From the cluster, not as text: it is replaced with the cluster.
            resource_name_=cluster.name,
            resource_group_name=account.resource_group,
            config_name=name,
            maintenance_window=window,
            opts=account.options(),
        )


def make_logs(account: Account, spec: AksSpec, cluster: azure.containerservice.ManagedCluster) -> None:
    """Keep the logs of the control plane in a Log Analytics workspace of their own, which goes with the stack."""
    categories = _LOGS[spec.control_plane_logs]
    if not categories:
        return
    name = f"{account.name}-control-plane"
    workspace = azure.operationalinsights.Workspace(
        name,
        resource_group_name=account.resource_group,
        location=account.region,
        sku=azure.operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
        retention_in_days=spec.log_retention_days,
        # Who may read is a matter of accounts, not of keys.
        features=azure.operationalinsights.WorkspaceFeaturesArgs(disable_local_auth=True),
        tags=account.tags,
        opts=account.options(),
    )
    azure.monitor.DiagnosticSetting(
        name,
        resource_uri=cluster.id,
        workspace_id=workspace.id,
        # Tables of AKS' own cost half of the common one to search, and can be moved to a cheaper plan.
        log_analytics_destination_type="Dedicated",
        logs=[azure.monitor.DiagnosticsLogSettingsArgs(category=category, enabled=True) for category in categories],
        opts=account.options(),
    )


def _fixed_for_good(spec: AksSpec) -> str:
    """What can never change of a cluster, beside its region and its name."""
    network = spec.network.node_subnet_id if isinstance(spec.network, AksExistingVnetSpec) else spec.network.cidr
    return json.dumps(
        [
            network,
            spec.pod_cidr,
            spec.service_cidr,
            spec.system_machine_type,
            spec.encryption.disk_encryption_set_id,
        ]
    )


def _api_server(spec: AksSpec, network: Network) -> azure.containerservice.ManagedClusterAPIServerAccessProfileArgs:
    return azure.containerservice.ManagedClusterAPIServerAccessProfileArgs(
        enable_vnet_integration=True,
        subnet_id=network.api_server_subnet_id,
        enable_private_cluster=spec.is_private,
        enable_private_cluster_public_fqdn=True if spec.is_private else None,
        authorized_ip_ranges=list(spec.api_endpoint.public_cidrs or ()) or None,
        disable_run_command=True,
    )


def _security(spec: AksSpec) -> azure.containerservice.ManagedClusterSecurityProfileArgs:
    key = spec.encryption.key_id
    private = spec.encryption.key_vault_access == "private"
    return azure.containerservice.ManagedClusterSecurityProfileArgs(
        workload_identity=azure.containerservice.ManagedClusterSecurityProfileWorkloadIdentityArgs(enabled=True),
        # Removes images with known faults that nothing uses; the kubelet removes others for want of room only.
        image_cleaner=azure.containerservice.ManagedClusterSecurityProfileImageCleanerArgs(
            enabled=True, interval_hours=_UNUSED_IMAGES_HOURS
        ),
        azure_key_vault_kms=azure.containerservice.AzureKeyVaultKmsArgs(
            enabled=True,
            key_id=key,
            key_vault_network_access="Private" if private else "Public",
            key_vault_resource_id=spec.encryption.key_vault_id if private else None,
        )
        if key
        else None,
    )


def _network_profile(spec: AksSpec, network: Network) -> azure.containerservice.ContainerServiceNetworkProfileArgs:
    return azure.containerservice.ContainerServiceNetworkProfileArgs(
        network_plugin="azure",
        network_plugin_mode="overlay",
        network_dataplane="cilium",
        network_policy="cilium",
        pod_cidr=spec.pod_cidr,
        service_cidr=spec.service_cidr,
        dns_service_ip=str(cidr_of(spec.service_cidr)[_DNS_ADDRESS]),
        load_balancer_sku="standard",
        outbound_type=network.outbound_type,
    )


def _node_provisioning(spec: AksSpec) -> azure.containerservice.ManagedClusterNodeProvisioningProfileArgs:
    if spec.provisioner == "cluster_autoscaler":
        return azure.containerservice.ManagedClusterNodeProvisioningProfileArgs(mode="Manual")
    # Only pools that somebody decided on: Azure's own would take any pod that names none.
    return azure.containerservice.ManagedClusterNodeProvisioningProfileArgs(mode="Auto", default_node_pools="None")


def _autoscaler(spec: AksSpec) -> azure.containerservice.ManagedClusterPropertiesAutoScalerProfileArgs | None:
    if spec.provisioner != "cluster_autoscaler":
        return None
    return azure.containerservice.ManagedClusterPropertiesAutoScalerProfileArgs(
        expander="least-waste",
        # Otherwise a node with a pod of kube-system, or with a scratch volume as most of ours have, never goes.
        skip_nodes_with_system_pods="false",
        skip_nodes_with_local_storage="false",
        max_node_provision_time=_READY_WITHIN,
        scale_down_unready_time=_READY_WITHIN,
    )


def _system_pool(
    account: Account, spec: AksSpec, network: Network
) -> azure.containerservice.ManagedClusterAgentPoolProfileArgs:
    return azure.containerservice.ManagedClusterAgentPoolProfileArgs(
        name=SYSTEM_POOL,
        mode="System",
        type="VirtualMachineScaleSets",
        os_type="Linux",
        os_sku="Ubuntu",
        vm_size=spec.system_machine_type,
        count=1,
        availability_zones=[zone_number(zone) for zone in spec.zone_names()] or None,
        vnet_subnet_id=network.node_subnet_id,
        max_pods=_SYSTEM_PODS,
        node_taints=["CriticalAddonsOnly=true:NoSchedule"],
        upgrade_settings=azure.containerservice.AgentPoolUpgradeSettingsArgs(max_surge="1"),
        tags=account.tags,
    )
