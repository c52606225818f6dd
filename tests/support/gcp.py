"""What Google says of a resource beside what it was asked for, as far as programs of ours read it."""

from collections.abc import Mapping
from typing import Any

PROJECT_NUMBER = "471100000000"
"""The number of every project."""


def outputs(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a resource of `pulumi_gcp`.

    Args:
        type_: its token.
        name: its Pulumi name.
        inputs: what the program asks for.
    """
    own: dict[str, Any] = {"name": f"{name}-0a1b2c3"}
    match type_:
        case "gcp:container/cluster:Cluster":
            endpoints = dict(inputs.get("controlPlaneEndpointsConfig", {}))
            endpoints["dnsEndpointConfig"] = {
                **endpoints.get("dnsEndpointConfig", {}),
                "endpoint": f"gke-{name}.us-central1.gke.goog",
            }
            own |= {
                "endpoint": "203.0.113.10",
                "masterVersion": f"{inputs.get('minMasterVersion', '1.35')}.5-gke.1000000",
                "masterAuth": {**inputs.get("masterAuth", {}), "clusterCaCertificate": "Y2VydGlmaWNhdGU="},
            }
            return {**own, **inputs, "masterAuth": own["masterAuth"], "controlPlaneEndpointsConfig": endpoints}
        case "gcp:serviceaccount/account:Account":
            own["email"] = f"{inputs['accountId']}@ml-prod.iam.gserviceaccount.com"
        case "gcp:projects/serviceIdentity:ServiceIdentity":
            own["email"] = f"service-{PROJECT_NUMBER}@container-engine-robot.iam.gserviceaccount.com"
        case "gcp:storage/bucket:Bucket":
            own["url"] = f"gs://{own['name']}"
        case _:
            pass
    return {**own, **inputs}
