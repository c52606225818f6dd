"""`aws eks get-token --cluster-name NAME`: the credential of a kubeconfig's exec plugin.

A real one is a signed token. Here it is the client certificate of the API server that the cluster leads to, for a
caller who has an access entry with an access policy.
https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
"""

import argparse
import json
import sys

from tools.offline.aws import cluster_api
from tools.offline.aws.kinds_compute import ACCESS_ENTRY, ACCESS_POLICY_ASSOCIATION, CLUSTER
from tools.offline.aws.session import open_world
from tools.offline.aws.world import CALLER, Account
from tools.offline.common.errors import ProviderError
from tools.offline.kubernetes.kubeconfig import KubeconfigError


def main(arguments: list[str]) -> int:
    """Print the credential; the exit code."""
    parser = argparse.ArgumentParser(prog="aws")
    parser.add_argument("--region")
    parser.add_argument("--output", choices=["json"])
    parser.add_argument("service", choices=["eks"])
    parser.add_argument("command", choices=["get-token"])
    parser.add_argument("--cluster-name", required=True)
    given = parser.parse_intermixed_args(arguments)
    try:
        problem = access_problem(open_world().look(), given.cluster_name)
        connection = cluster_api.connection()
    except (ProviderError, KubeconfigError) as error:
        problem, connection = str(error), None
    if problem or connection is None:
        print(f"aws eks get-token: {problem or 'MODELYARD_AWS_KUBECONFIG names no kubeconfig'}", file=sys.stderr)
        return 255
    status = {"clientCertificateData": connection.client_cert_pem, "clientKeyData": connection.client_key_pem}
    status = {key: value for key, value in status.items() if value} or {"token": connection.token}
    api_version = "client.authentication.k8s.io/v1beta1"
    print(json.dumps({"kind": "ExecCredential", "apiVersion": api_version, "spec": {}, "status": status}))
    return 0


def access_problem(account: Account, cluster_name: str) -> str:
    """Why the caller does not get into a cluster; empty if they do."""
    cluster = account.get(CLUSTER, cluster_name)
    if cluster is None:
        return f"No cluster found for name: {cluster_name}."
    entry = account.get(ACCESS_ENTRY, f"{cluster_name}:{CALLER}")
    policies = [
        each
        for each in account.of(ACCESS_POLICY_ASSOCIATION)
        if each.inputs["clusterName"] == cluster_name and each.inputs["principalArn"] == CALLER
    ]
    if entry is None or not (entry.notes.get("admin") or policies):
        return (
            f"the server has asked for the client to provide credentials: {CALLER} has no access entry with a policy "
            f"on {cluster_name}, and the cluster did not make its creator an administrator"
        )
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
