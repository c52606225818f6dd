"""Names and ids in Google Cloud's own words, as types of what a user writes."""

import hashlib
import re
from typing import Annotated

from modelyard.cluster.gke.zones import REGION
from modelyard.cluster.words import pattern, version
from modelyard.errors import Problem, show
from modelyard.spec import Rule
from modelyard.versions import GKE

CLUSTER_NAME_CHARACTERS = 40
"""https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#Cluster"""
COMPONENT_NAME_CHARACTERS = 36
"""The longest Pulumi name of a cluster: names in Compute Engine end at 63, of which what a resource is for takes up to
19 and Pulumi's random end 8. https://cloud.google.com/compute/docs/naming-resources"""
_LABEL_CHARACTERS = 63
_ACCOUNT_NAME_CHARACTERS = 15
_CLUSTER_NAME = r"[a-z]([a-z0-9-]*[a-z0-9])?"
_PROJECT = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
_RESOURCE = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL = r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
LABEL_KEY = r"[a-z][a-z0-9_-]{0,62}"
"""https://cloud.google.com/resource-manager/docs/labels-overview#requirements; letters beyond ASCII are left out."""
LABEL_VALUE = r"[a-z0-9_-]{0,63}"


def cluster_name_problem(name: str) -> Problem | None:
    """What is wrong with a cluster's name in GKE, also with one that is made from the project's and the stack's."""
    if len(name) <= CLUSTER_NAME_CHARACTERS and re.fullmatch(_CLUSTER_NAME, name):
        return None
    fix = f"give one of up to {CLUSTER_NAME_CHARACTERS} lower-case letters, digits and dashes, a letter first"
    return Problem(path="name", why=f"{show(name)} is no name that GKE allows", fix=fix)


def component_name_problem(name: str) -> Problem | None:
    """What is wrong with the Pulumi name of a cluster, beside what is of every name."""
    if len(name) <= COMPONENT_NAME_CHARACTERS:
        return None
    why = f"{show(name)}, with which names in Google Cloud begin, has {len(name)} characters"
    return Problem(path="name", why=why, fix=f"use at most {COMPONENT_NAME_CHARACTERS}, as Google ends them at 63")


def label_value(text: str) -> str:
    """Text as the value of a label in Google Cloud: lower case, without dots.

    What does not fit keeps its beginning, and a digest of all of it, so that two texts stay two values.
    """
    plain = re.sub(r"[^a-z0-9_-]", "-", text.lower())
    if plain == text and len(plain) <= _LABEL_CHARACTERS:
        return plain
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{plain[: _LABEL_CHARACTERS - len(digest) - 1]}-{digest}"


def account_id(cluster_name: str, *where: str) -> str:
    """The id of the service account of a cluster's nodes: up to 30 characters, and another one for each place that a
    cluster of that name can be in.

    https://cloud.google.com/iam/docs/service-accounts-create
    """
    digest = hashlib.sha256("/".join((*where, cluster_name)).encode()).hexdigest()[:8]
    return f"{cluster_name[:_ACCOUNT_NAME_CHARACTERS].rstrip('-')}-nodes-{digest}"


def _check_name(text: str) -> tuple[str, str] | None:
    problem = cluster_name_problem(text)
    return (problem.why, problem.fix) if problem else None


def last_part(path: str) -> str:
    """The name at the end of a resource's path; a name alone as it is."""
    return path.rpartition("/")[2]


GkeVersion = Annotated[str, version(GKE, "that modelyard knows on GKE")]
"""A Kubernetes minor version in quotes."""
ClusterName = Annotated[str, Rule(_check_name, {"pattern": f"^{_CLUSTER_NAME}$", "maxLength": CLUSTER_NAME_CHARACTERS})]
"""The name of a cluster in GKE."""
ProjectId = Annotated[
    str,
    pattern(_PROJECT, "id of a project", "write its id, like ml-prod-4711: neither its number nor its display name"),
]
"""The id of a project. https://cloud.google.com/resource-manager/docs/creating-managing-projects"""
Region = Annotated[str, pattern(REGION, "region", "write one like us-central1, without a zone's letter")]
"""A region of Google Cloud."""
NetworkName = Annotated[
    str,
    pattern(
        rf"({_RESOURCE}|projects/{_PROJECT}/global/networks/{_RESOURCE})",
        "network",
        "write its name, or projects/HOST_PROJECT/global/networks/NAME of a shared VPC",
    ),
]
"""A network of the project by its name, or one of a shared VPC's host project by its path."""
SubnetworkName = Annotated[
    str,
    pattern(
        rf"({_RESOURCE}|projects/{_PROJECT}/regions/{REGION}/subnetworks/{_RESOURCE})",
        "subnetwork",
        "write its name, or projects/HOST_PROJECT/regions/REGION/subnetworks/NAME of a shared VPC",
    ),
]
"""A subnetwork likewise."""
RangeName = Annotated[str, pattern(_RESOURCE, "name of a secondary range", "write the range's name, like pods")]
"""The name of a secondary range of a subnetwork."""
KeyName = Annotated[
    str,
    pattern(
        rf"projects/{_PROJECT}/locations/{REGION}/keyRings/[A-Za-z0-9_-]{{1,63}}/cryptoKeys/[A-Za-z0-9_-]{{1,63}}",
        "name of a key in a region's Cloud KMS",
        "write projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY, without a version",
    ),
]
"""The resource name of a key in Cloud KMS."""
AdminMember = Annotated[
    str,
    pattern(
        rf"(user|group|serviceAccount):{_EMAIL}",
        "principal of Google Cloud",
        "write user:ADDRESS, group:ADDRESS or serviceAccount:ADDRESS",
    ),
]
"""Who signs in to Google Cloud: a person, a group or a service account."""
SecurityGroup = Annotated[
    str,
    pattern(
        r"gke-security-groups@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+",
        "group that GKE looks groups up in",
        "write gke-security-groups@ and your domain: GKE knows no other name",
    ),
]
"""https://cloud.google.com/kubernetes-engine/docs/how-to/google-groups-rbac"""
DiskImage = Annotated[
    str,
    pattern(
        rf"(projects/{_PROJECT}/)?global/images/(family/)?{_RESOURCE}",
        "image of a disk",
        "write one like global/images/model-weights, or projects/PROJECT/global/images/NAME",
    ),
]
"""An image of a disk, in the cluster's project or another one."""
