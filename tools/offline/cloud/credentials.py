"""What the stand-in of a cloud's program for credentials prints: a kubeconfig's exec plugin.

A real one is a signed token. Here it is the client certificate of the API server that the cluster leads to.
https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
"""

import json

from tools.offline.kubernetes.kubeconfig import Connection


def exec_credential(connection: Connection, *, version: str = "v1beta1") -> str:
    """The credential as JSON, in a version of client.authentication.k8s.io."""
    status = {"clientCertificateData": connection.client_cert_pem, "clientKeyData": connection.client_key_pem}
    status = {key: value for key, value in status.items() if value} or {"token": connection.token}
    api_version = f"client.authentication.k8s.io/{version}"
    return json.dumps({"kind": "ExecCredential", "apiVersion": api_version, "spec": {}, "status": status})
