"""`gke-gcloud-auth-plugin`: the credential of a kubeconfig's exec plugin.

Google's prints an access token of whoever calls, and IAM then decides. Here everybody who can read the account gets in
as long as there is a cluster.
"""

import argparse
import sys

from tools.offline.cloud import cluster_api
from tools.offline.cloud.credentials import exec_credential
from tools.offline.cloud.session import open_world
from tools.offline.common.errors import ProviderError
from tools.offline.gcp.cloud import GCP
from tools.offline.gcp.kinds_container import CLUSTER
from tools.offline.kubernetes.kubeconfig import KubeconfigError


def main(arguments: list[str]) -> int:
    """Print the credential; the exit code."""
    parser = argparse.ArgumentParser(prog="gke-gcloud-auth-plugin")
    parser.add_argument("--use_application_default_credentials", action="store_true")
    parser.parse_args(arguments)
    try:
        clusters = open_world(GCP).look().of(CLUSTER)
        connection = cluster_api.connection(GCP)
    except (ProviderError, KubeconfigError) as error:
        print(f"gke-gcloud-auth-plugin: {error}", file=sys.stderr)
        return 1
    if not clusters or connection is None:
        what = "there is no cluster" if not clusters else "MODELYARD_GCP_KUBECONFIG names no kubeconfig"
        print(f"gke-gcloud-auth-plugin: {what}", file=sys.stderr)
        return 1
    print(exec_credential(connection))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
