"""A small cluster in Google Cloud by hand, for the engine's tests."""

HEAD = """
import json
import pulumi
import pulumi_kubernetes as k8s
from pulumi_gcp import Provider, compute, container, projects, serviceaccount, storage

PROJECT = "modelyard-test"
provider = Provider("gcp", project=PROJECT, region="us-central1", default_labels={"owner": "test"})

def made(*after, **more):
    return pulumi.ResourceOptions(provider=provider, depends_on=list(after), **more)

apis = {
    name: projects.Service(name, service=f"{name}.googleapis.com", disable_on_destroy=False, opts=made())
    for name in ("compute", "container", "iam", "cloudresourcemanager", "storage")
}
network = compute.Network("network", auto_create_subnetworks=False, opts=made(apis["compute"]))
subnetwork = compute.Subnetwork(
    "nodes", network=network.id, region="us-central1", ip_cidr_range="10.0.0.0/20", private_ip_google_access=True,
    secondary_ip_ranges=[
        {"range_name": "pods", "ip_cidr_range": "10.64.0.0/14"},
        {"range_name": "services", "ip_cidr_range": "10.100.0.0/20"},
    ],
    opts=made(),
)
router = compute.Router("router", network=network.id, region="us-central1", opts=made())
nat = compute.RouterNat(
    "nat", router=router.name, region="us-central1", nat_ip_allocate_option="AUTO_ONLY",
    source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES", opts=made(),
)
account = serviceaccount.Account("nodes", account_id="small-nodes", opts=made(apis["iam"]))
role = projects.IAMMember("nodes", project=PROJECT, role="roles/container.defaultNodeServiceAccount",
                          member=account.member, opts=made(apis["cloudresourcemanager"]))
cluster = container.Cluster(
    "small",
    name="small",
    location="us-central1",
    network=network.id,
    subnetwork=subnetwork.id,
    min_master_version=VERSION,
    initial_node_count=1,
    remove_default_node_pool=True,
    deletion_protection=False,
    datapath_provider="ADVANCED_DATAPATH",
    release_channel={"channel": "REGULAR"},
    ip_allocation_policy={"cluster_secondary_range_name": "pods", "services_secondary_range_name": "services"},
    private_cluster_config={"enable_private_nodes": True},
    workload_identity_config={"workload_pool": f"{PROJECT}.svc.id.goog"},
    control_plane_endpoints_config={
        "dns_endpoint_config": {"allow_external_traffic": True}, "ip_endpoints_config": {"enabled": False},
    },
    opts=made(apis["container"]),
)
pool = container.NodePool(
    "system",
    cluster=cluster.name,
    location="us-central1",
    node_locations=["us-central1-a", "us-central1-b"],
    initial_node_count=1,
    autoscaling={"total_min_node_count": 2, "total_max_node_count": 4, "location_policy": "BALANCED"},
    node_config={
        "machine_type": "e2-standard-4", "disk_size_gb": DISK, "service_account": account.email,
        "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"], "labels": {"pool": "system"},
        "workload_metadata_config": {"mode": "GKE_METADATA"},
    },
    opts=made(role, nat, ignore_changes=["initialNodeCount"]),
)
bucket = storage.Bucket("models", location="us-central1", uniform_bucket_level_access=True, opts=made(apis["storage"]))
pulumi.export("endpoint", cluster.endpoint)
"""

KUBERNETES = """
arguments = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "gke-gcloud-auth-plugin",
             "interactiveMode": "Never", "provideClusterInfo": True}
endpoint = cluster.control_plane_endpoints_config.dns_endpoint_config.endpoint
kubeconfig = endpoint.apply(lambda found: json.dumps({
    "apiVersion": "v1", "kind": "Config", "current-context": "small",
    "clusters": [{"name": "small", "cluster": {"server": f"https://{found}"}}],
    "contexts": [{"name": "small", "context": {"cluster": "small", "user": "small"}}],
    "users": [{"name": "small", "user": {"exec": arguments}}],
}))
kube = k8s.Provider("inside", kubeconfig=kubeconfig, cluster_identifier="small")
k8s.core.v1.Namespace("inside", opts=pulumi.ResourceOptions(provider=kube, depends_on=[pool]))
"""


def program(*, version: str = "1.34", disk: int = 50, more: str = "") -> str:
    """A network, a cluster, a node pool and a bucket."""
    return f"VERSION, DISK = {version!r}, {disk}\n" + HEAD + more
