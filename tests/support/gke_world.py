"""A simulated project in Google Cloud for tests (tools/offline/gcp)."""

import base64
from collections.abc import Sequence
from pathlib import Path

import yaml

from tests.support.cloud_world import CloudWorld
from tools.offline.cloud.world import Record
from tools.offline.gcp.cloud import GCP
from tools.offline.gcp.ids import number_of
from tools.offline.gcp.kinds_identity import ACCOUNT, KEY, KEY_MEMBER, SERVICE
from tools.offline.gcp.kinds_network import NETWORK, SUBNETWORK

PROJECT = "modelyard-test"


class GkeWorld(CloudWorld):
    """A project in a folder."""

    cloud = GCP

    def environment(
        self, kubeconfig: Path | None = None, *, latency: float = 0, grace_seconds: float = 10
    ) -> dict[str, str]:
        """
        Variables for every Pulumi command on this project, as `CloudWorld` says.

        A cluster's DNS endpoint has a certificate that any machine trusts, so a kubeconfig names no authority for it.
        Here it leads to the API server of a test, whose authority these variables have programs trust.
        """
        found = super().environment(kubeconfig, latency=latency, grace_seconds=grace_seconds)
        return found | ({"SSL_CERT_FILE": str(self._authority(kubeconfig))} if kubeconfig else {})

    def _authority(self, kubeconfig: Path) -> Path:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster = config["clusters"][0]["cluster"]
        path = self.world.folder / "authority.pem"
        data = cluster.get("certificate-authority-data")
        pem = base64.b64decode(data) if data else (kubeconfig.parent / cluster["certificate-authority"]).read_bytes()
        path.write_bytes(pem)
        return path

    def enable(self, *services: str, project: str = PROJECT) -> None:
        """Enable APIs by the first part of their name, as somebody did before."""
        with self.world.open() as account:
            for each in services:
                host = f"{each}.googleapis.com"
                inputs = {"service": host}
                record = Record(token=SERVICE, id=f"{project}/{host}", inputs=inputs, outputs={"project": project})
                record.status = "PENDING_DELETION"  # not the stack's: it is not among what is left
                account.add(record)

    def add_key(self, name: str, *, project: str = PROJECT, location: str = "us-central1") -> str:
        """A key that somebody else made; its id."""
        key = f"projects/{project}/locations/{location}/keyRings/ring/cryptoKeys/{name}"
        with self.world.open() as account:
            account.add(Record(token=KEY, id=key, inputs={"name": name}))
        return key

    def let_use(self, key: str, email: str) -> None:
        """Let a service account use a key, as somebody did before."""
        role = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
        member = f"serviceAccount:{email}"
        inputs = {"cryptoKeyId": key, "role": role, "member": member}
        with self.world.open() as account:
            account.add(Record(token=KEY_MEMBER, id=f"{key}/{role}/{member}", inputs=inputs))

    def add_account(self, name: str, *, project: str = PROJECT) -> str:
        """A service account that somebody else made; its address."""
        email = f"{name}@{project}.iam.gserviceaccount.com"
        outputs = {"email": email, "member": f"serviceAccount:{email}", "project": project}
        with self.world.open() as account:
            record = Record(token=ACCOUNT, id=f"projects/{project}/serviceAccounts/{email}", inputs={"accountId": name})
            record.outputs = outputs
            account.add(record)
        return email

    def add_network(
        self, name: str = "shared", *, region: str = "us-central1", ranges: Sequence[str] = ("pods", "services")
    ) -> tuple[str, str]:
        """A network and a subnetwork that somebody else made, with secondary ranges of these names: their ids."""
        network = f"projects/{PROJECT}/global/networks/{name}"
        subnetwork = f"projects/{PROJECT}/regions/{region}/subnetworks/{name}"
        secondary = [{"rangeName": each, "ipCidrRange": f"10.{index + 64}.0.0/16"} for index, each in enumerate(ranges)]
        inputs = {"name": name, "network": network, "ipCidrRange": "10.0.0.0/20", "secondaryIpRanges": secondary}
        with self.world.open() as account:
            record = Record(token=NETWORK, id=network, inputs={"name": name, "autoCreateSubnetworks": False})
            account.add(record)
            record = Record(token=SUBNETWORK, id=subnetwork, inputs={**inputs, "privateIpGoogleAccess": True})
            record.outputs = {"region": region, "project": PROJECT}
            account.add(record)
        return network, subnetwork

    def number(self, project: str = PROJECT) -> str:
        """The project's number."""
        return number_of(project)
