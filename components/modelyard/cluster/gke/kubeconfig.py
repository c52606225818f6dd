"""How the cluster is reached: a kubeconfig that holds no credentials."""

import json

import pulumi
from pulumi_gcp import container

from modelyard.cluster.gke.spec import GkeApiEndpointSpec


def kubeconfig_of(cluster: container.Cluster, *, cluster_name: str, endpoint: GkeApiEndpointSpec) -> pulumi.Output[str]:
    """A kubeconfig whose user is whoever has Google's application default credentials, which Pulumi uses too.

    A token is asked for each time, by a program of Google's. The same file serves a person and CI. By the host name the
    API server has a certificate that everybody trusts, by its address one of the cluster's own authority. Secret like
    every cluster's. https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl

    Args:
        cluster: the control plane.
        cluster_name: its name.
        endpoint: how it is reached.
    """
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "gke-gcloud-auth-plugin",
            "args": ["--use_application_default_credentials"],
            "installHint": "Install it with: gcloud components install gke-gcloud-auth-plugin",
            "interactiveMode": "Never",
            "provideClusterInfo": True,
        }
    }

    def render(reached: dict[str, str]) -> str:
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": cluster_name, "cluster": reached}],
                "users": [{"name": cluster_name, "user": user}],
                "contexts": [{"name": cluster_name, "context": {"cluster": cluster_name, "user": cluster_name}}],
                "current-context": cluster_name,
            }
        )

    reached = _by_name(cluster) if endpoint.dns else _by_address(cluster)
    return pulumi.Output.secret(reached.apply(render))


def _by_name(cluster: container.Cluster) -> pulumi.Output[dict[str, str]]:
    def server(config: container.outputs.ClusterControlPlaneEndpointsConfig) -> dict[str, str]:
        dns = config.dns_endpoint_config
        return {"server": f"https://{dns.endpoint if dns else ''}"}

    return cluster.control_plane_endpoints_config.apply(server)


def _by_address(cluster: container.Cluster) -> pulumi.Output[dict[str, str]]:
    def server(values: list[str]) -> dict[str, str]:
        address, authority = values
        return {"server": f"https://{address}", "certificate-authority-data": authority}

    authority = cluster.master_auth.apply(lambda each: each.cluster_ca_certificate or "")
    return pulumi.Output.all(cluster.endpoint, authority).apply(server)
