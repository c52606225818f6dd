"""`gke-gcloud-auth-plugin`: the credential of a kubeconfig's exec plugin.

Google's prints an access token of whoever calls, and IAM then decides. Here everybody who can read the account gets in
as long as there is a cluster.
"""

import argparse
import sys

from tools.offline.cloud.credentials import print_credential
from tools.offline.cloud.world import Account
from tools.offline.gcp.cloud import GCP
from tools.offline.gcp.kinds_container import CLUSTER


def main(arguments: list[str]) -> int:
    """Print the credential; the exit code."""
    parser = argparse.ArgumentParser(prog="gke-gcloud-auth-plugin")
    parser.add_argument("--use_application_default_credentials", action="store_true")
    parser.parse_args(arguments)
    return print_credential(GCP, access_problem, program="gke-gcloud-auth-plugin")


def access_problem(account: Account) -> str:
    """Why the caller does not get in; empty if they do."""
    return "" if account.of(CLUSTER) else "there is no cluster"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
