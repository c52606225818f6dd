"""Who in Google Cloud may use the user's key, and which number the project has.

Service agents are Google's own accounts in a project, by which one service uses another. Each exists once the service
is used or asked for it. https://cloud.google.com/iam/docs/service-agents
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp import projects

from modelyard.cluster.gke.account import Account
from modelyard.cluster.gke.spec import GkeSpec

# https://cloud.google.com/iam/docs/service-agents
_AGENTS = {
    "container": "container-engine-robot.iam.gserviceaccount.com",
    "compute": "compute-system.iam.gserviceaccount.com",
    "storage": "gs-project-accounts.iam.gserviceaccount.com",
    "file": "cloud-filer.iam.gserviceaccount.com",
}


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The key of a cluster, if it has one of the user's.

    Attributes:
        project_number: the project's number, by which identities of pods are named.
        key: its name in Cloud KMS; None: Google's own keys.
        usable: by the first part of a service's host name, what must exist before that service uses the key; nothing
            without a key.
    """

    project_number: pulumi.Output[str]
    key: str | None
    usable: Mapping[str, Sequence[pulumi.Resource]]


def make_keys(account: Account, spec: GkeSpec) -> Keys:
    """Ask for GKE's service agent, whose address tells the project's number, and let agents use the user's key.

    They encrypt and decrypt with it, and nothing else. The number is read from an address rather than looked up, so
    that a preview asks Google for nothing.
    """
    agent = _agent(account, "container")
    number = agent.email.apply(lambda email: email.removeprefix("service-").partition("@")[0])
    key = spec.encryption.key
    if not key:
        return Keys(project_number=number, key=None, usable=dict.fromkeys(_AGENTS, ()))
    users = [service for service in _AGENTS if service in account.apis]
    usable = {service: [_let_use(account, key, service, number, agent)] for service in users}
    return Keys(project_number=number, key=key, usable=usable)


def _agent(account: Account, service: str) -> projects.ServiceIdentity:
    return projects.ServiceIdentity(
        f"{account.name}-{service}-agent",
        project=account.project,
        service=f"{service}.googleapis.com",
        opts=account.options_in(service),
    )


def _let_use(
    account: Account,
    key: str,
    service: str,
    number: pulumi.Output[str],
    container_agent: projects.ServiceIdentity,
) -> pulumi.Resource:
    from pulumi_gcp import kms

    # Compute Engine's agent comes with its API, and is none that can be asked for.
    agents = {"container": [container_agent], "compute": []}
    before = agents[service] if service in agents else [_agent(account, service)]
    return kms.CryptoKeyIAMMember(
        f"{account.name}-{service}-key",
        crypto_key_id=key,
        role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
        member=pulumi.Output.concat("serviceAccount:service-", number, f"@{_AGENTS[service]}"),
        opts=account.options_in("cloudkms", [account.apis[service], *before]),
    )
