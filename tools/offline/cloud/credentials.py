"""What the stand-in of a cloud's program for credentials prints: a kubeconfig's exec plugin.

A real one is a signed token. Here it is the client certificate of the API server that the cluster leads to.
https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
"""

import json
import sys
from collections.abc import Callable

from tools.offline.cloud import cluster_api
from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.session import open_world
from tools.offline.cloud.world import Account
from tools.offline.common.errors import ProviderError
from tools.offline.kubernetes.kubeconfig import Connection, KubeconfigError


def print_credential(cloud: Cloud, problem_of: Callable[[Account], str], *, program: str, failure: int = 1) -> int:
    """Print the credential, or why there is none; the exit code.

    Args:
        cloud: whose account.
        problem_of: why the caller does not get into a cluster of the account; empty if they do.
        program: what a line with a problem begins with.
        failure: the exit code with a problem.
    """
    try:
        problem = problem_of(open_world(cloud).look())
        connection = cluster_api.connection(cloud)
    except (ProviderError, KubeconfigError) as error:
        problem, connection = str(error), None
    if problem or connection is None:
        print(f"{program}: {problem or f'{cloud.environment}_KUBECONFIG names no kubeconfig'}", file=sys.stderr)
        return failure
    print(exec_credential(connection))
    return 0


def exec_credential(connection: Connection, *, version: str = "v1beta1") -> str:
    """The credential as JSON, in a version of client.authentication.k8s.io."""
    status = {"clientCertificateData": connection.client_cert_pem, "clientKeyData": connection.client_key_pem}
    status = {key: value for key, value in status.items() if value} or {"token": connection.token}
    api_version = f"client.authentication.k8s.io/{version}"
    return json.dumps({"kind": "ExecCredential", "apiVersion": api_version, "spec": {}, "status": status})
