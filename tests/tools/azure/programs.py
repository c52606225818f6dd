"""A small cluster on Azure by hand, for the engine's tests."""

from tests.support.azure import SUBSCRIPTION

HEAD = f"""
import base64
import json
import pulumi
import pulumi_azure_native as azure
import pulumi_kubernetes as k8s

SUBSCRIPTION = "{SUBSCRIPTION}"
provider = azure.Provider("azure", subscription_id=SUBSCRIPTION, location="eastus2")
options = pulumi.ResourceOptions(provider=provider)
"""

CLUSTER = """
def after(*resources, **more):
    return pulumi.ResourceOptions(provider=provider, depends_on=list(resources), **more)

def allow(name, identity, role, scope):
    definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    return azure.authorization.RoleAssignment(name, principal_id=identity.principal_id, role_definition_id=definition,
                                              principal_type="ServicePrincipal", scope=scope, opts=options)

group = azure.resources.ResourceGroup("group", opts=options)
network = azure.network.VirtualNetwork("network", resource_group_name=group.name,
                                       address_space={"address_prefixes": ["10.1.0.0/16"]}, opts=options)
address = azure.network.PublicIPAddress("address", resource_group_name=group.name, sku={"name": "Standard"},
                                        public_ip_allocation_method="Static", opts=options)
nat = azure.network.NatGateway("nat", resource_group_name=group.name, sku={"name": "Standard"},
                               public_ip_addresses=[{"id": address.id}], opts=options)
nodes = azure.network.Subnet("nodes", resource_group_name=group.name, virtual_network_name=network.name,
                             address_prefix="10.1.0.0/20", nat_gateway={"id": nat.id},
                             service_endpoints=[{"service": "Microsoft.Storage"}], opts=options)
plane = azure.managedidentity.UserAssignedIdentity("plane", resource_group_name=group.name, opts=options)
join = allow("join", plane, "4d97b98b-1d4f-4787-a291-c67834d212e7", nodes.id)
cluster = azure.containerservice.ManagedCluster(
    "small",
    resource_group_name=group.name,
    resource_name_="small",
    dns_prefix="small",
    kubernetes_version=VERSION,
    identity={"type": "UserAssigned", "user_assigned_identities": [plane.id]},
    aad_profile={"managed": True, "admin_group_object_ids": ["33333333-3333-3333-3333-333333333333"]},
    disable_local_accounts=True,
    oidc_issuer_profile={"enabled": True},
    network_profile={"network_plugin": "azure", "network_plugin_mode": "overlay", "network_dataplane": "cilium",
                     "network_policy": "cilium", "outbound_type": "userAssignedNATGateway"},
    agent_pool_profiles=[{"name": "cluster", "mode": "System", "vm_size": "Standard_D4s_v5", "count": 1,
                          "os_type": "Linux", "vnet_subnet_id": nodes.id, "availability_zones": ["1", "2"]}],
    node_resource_group="small-nodes",
    opts=after(join, ignore_changes=["agentPoolProfiles"]),
)
pool = azure.containerservice.AgentPool(
    "cpu",
    resource_group_name=group.name,
    resource_name_=cluster.name,
    agent_pool_name=POOL,
    mode="User",
    orchestrator_version=VERSION,
    vm_size="Standard_D4s_v5",
    count=1,
    enable_auto_scaling=True,
    min_count=0,
    max_count=3,
    max_pods=MAX_PODS,
    node_labels={"pool": "cpu"},
    vnet_subnet_id=nodes.id,
    opts=after(cluster, ignore_changes=["count"], delete_before_replace=False),
)
store = azure.storage.StorageAccount("store", resource_group_name=group.name, kind="StorageV2",
                                     sku={"name": "Standard_LRS"}, allow_blob_public_access=False, opts=options)
objects = azure.storage.BlobContainer("objects", resource_group_name=group.name, account_name=store.name, opts=options)
pod = azure.managedidentity.UserAssignedIdentity("pod", resource_group_name=group.name, opts=options)
trust = azure.managedidentity.FederatedIdentityCredential(
    "trust", resource_group_name=group.name, resource_name_=pod.name, audiences=["api://AzureADTokenExchange"],
    issuer=cluster.oidc_issuer_profile.apply(lambda found: found.issuer_url),
    subject="system:serviceaccount:default:pod", opts=options)
read = allow("read", pod, "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", objects.id)
pulumi.export("fqdn", cluster.fqdn)
"""

KUBERNETES = """
answer = azure.containerservice.list_managed_cluster_user_credentials_output(
    resource_group_name=group.name, resource_name=cluster.name, format="exec",
    opts=pulumi.InvokeOutputOptions(provider=provider, depends_on=[cluster]))

def authority(found):
    lines = base64.b64decode(found.kubeconfigs[0].value).decode().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if "certificate-authority-data:" in line)

arguments = ["get-token", "--login", "azurecli", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630"]
kubeconfig = pulumi.Output.all(cluster.fqdn, answer.apply(authority)).apply(lambda found: json.dumps({
    "apiVersion": "v1", "kind": "Config", "current-context": "small",
    "clusters": [{"name": "small",
                  "cluster": {"server": "https://" + found[0], "certificate-authority-data": found[1]}}],
    "contexts": [{"name": "small", "context": {"cluster": "small", "user": "small"}}],
    "users": [{"name": "small", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1",
              "command": "kubelogin", "args": arguments, "interactiveMode": "Never"}}}],
}))
kube = k8s.Provider("inside", kubeconfig=kubeconfig, cluster_identifier="small")
k8s.core.v1.Namespace("inside", opts=pulumi.ResourceOptions(provider=kube, depends_on=[pool]))
"""


def program(*, version: str = "1.34", pool: str = "cpu1", max_pods: int = 110, more: str = "") -> str:
    """A network, a cluster, a pool, and a store that pods read."""
    given = f"VERSION, POOL, MAX_PODS = {version!r}, {pool!r}, {max_pods}\n"
    return given + HEAD + CLUSTER + more
