"""How the cluster is reached: a kubeconfig that holds no credentials."""

import json

import pulumi
import pulumi_aws as aws


def kubeconfig_of(cluster: aws.eks.Cluster, *, cluster_name: str, region: str) -> pulumi.Output[str]:
    """A kubeconfig whose user is whoever runs `aws`, as a token is asked for each time.

    It names no profile and no role: the same file serves a person and CI. Secret like every cluster's.
    https://docs.aws.amazon.com/eks/latest/userguide/create-kubeconfig.html
    """
    arguments = ["eks", "get-token", "--cluster-name", cluster_name, "--region", region, "--output", "json"]
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "aws",
            "args": arguments,
            "interactiveMode": "Never",
        }
    }

    def render(values: list[str]) -> str:
        endpoint, authority = values
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {
                        "name": cluster_name,
                        "cluster": {"server": endpoint, "certificate-authority-data": authority},
                    }
                ],
                "users": [{"name": cluster_name, "user": user}],
                "contexts": [{"name": cluster_name, "context": {"cluster": cluster_name, "user": cluster_name}}],
                "current-context": cluster_name,
            }
        )

    authority = cluster.certificate_authority.apply(lambda each: each.data or "")
    return pulumi.Output.secret(pulumi.Output.all(cluster.endpoint, authority).apply(render))
