"""`aws eks get-token --cluster-name NAME`: the credential of a kubeconfig's exec plugin.

Only for a caller who has an access entry with an access policy.
"""

import argparse
import sys

from tools.offline.aws.cloud import AWS
from tools.offline.aws.ids import CALLER
from tools.offline.aws.kinds_compute import ACCESS_ENTRY, ACCESS_POLICY_ASSOCIATION, CLUSTER
from tools.offline.cloud.credentials import print_credential
from tools.offline.cloud.world import Account


def main(arguments: list[str]) -> int:
    """Print the credential; the exit code."""
    parser = argparse.ArgumentParser(prog="aws")
    parser.add_argument("--region")
    parser.add_argument("--output", choices=["json"])
    parser.add_argument("service", choices=["eks"])
    parser.add_argument("command", choices=["get-token"])
    parser.add_argument("--cluster-name", required=True)
    given = parser.parse_intermixed_args(arguments)
    return print_credential(
        AWS, lambda account: access_problem(account, given.cluster_name), program="aws eks get-token", failure=255
    )


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
