"""A simulated Azure subscription for tests (tools/offline/azure)."""

from tests.support.azure import SUBSCRIPTION
from tests.support.cloud_world import CloudWorld
from tools.offline.azure.cloud import AZURE
from tools.offline.azure.ids import group_id, guid
from tools.offline.azure.kinds_compute import RESERVATION_GROUP
from tools.offline.azure.kinds_identity import DISK_ENCRYPTION_SET, KEY, REGISTRY, VAULT
from tools.offline.azure.kinds_network import NAT_GATEWAY, RESOURCE_GROUP, SUBNET, VIRTUAL_NETWORK
from tools.offline.cloud.world import Record

ENCRYPTION_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
"""The role Key Vault Crypto Service Encryption User."""


class AksWorld(CloudWorld):
    """A subscription in a folder, with what somebody else made in the resource group `shared`."""

    cloud = AZURE

    def add_group(self, name: str = "shared", region: str = "eastus2") -> str:
        """A resource group that somebody else made; its id."""
        return self._add(RESOURCE_GROUP, f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}", location=region)

    def add_vnet(self, *, cidr: str = "10.20.0.0/16", region: str = "eastus2") -> tuple[str, str]:
        """A virtual network that somebody else made: the ids of its node subnet, with a way out, and of its subnet for
        API servers."""
        group = self.add_group(region=region)
        network = f"{group}/providers/Microsoft.Network/virtualNetworks/shared"
        gateway = self._add(NAT_GATEWAY, f"{group}/providers/Microsoft.Network/natGateways/shared")
        self._add(VIRTUAL_NETWORK, network, addressSpace={"addressPrefixes": [cidr]}, location=region)
        base = cidr.rsplit(".", 2)[0]
        nodes = self._add(
            SUBNET,
            f"{network}/subnets/nodes",
            addressPrefix=f"{base}.0.0/20",
            natGateway={"id": gateway},
            serviceEndpoints=[{"service": "Microsoft.Storage"}],
        )
        server = self._add(
            SUBNET,
            f"{network}/subnets/api-server",
            addressPrefix=f"{base}.16.0/28",
            delegations=[{"name": "aks", "serviceName": "Microsoft.ContainerService/managedClusters"}],
        )
        return nodes, server

    def add_key(self, vault: str = "sharedvault") -> tuple[str, str]:
        """A key vault with a key that somebody else made: the vault's id and the key's address with its version."""
        group = self.add_group()
        vault_id = self._add(VAULT, f"{group}/providers/Microsoft.KeyVault/vaults/{vault}", properties={})
        uri = f"https://{vault}.vault.azure.net/keys/disks"
        versioned = f"{uri}/{guid(uri).replace('-', '')}"
        self._add(KEY, f"{vault_id}/keys/disks", keyUri=uri, keyUriWithVersion=versioned)
        return vault_id, versioned

    def add_disk_encryption_set(self) -> str:
        """A disk encryption set that somebody else made, and that may use its key; its id."""
        vault, uri = self.add_key("disksvault")
        group = vault.partition("/providers/")[0]
        principal = guid("disk encryption set")
        with self.world.open() as account:
            policies = {"accessPolicies": [{"objectId": principal}]}
            account.records[f"{VAULT}|{vault}"].inputs["properties"] = policies
        return self._add(
            DISK_ENCRYPTION_SET,
            f"{group}/providers/Microsoft.Compute/diskEncryptionSets/shared",
            activeKey={"keyUrl": uri},
            identity={"type": "SystemAssigned", "principalId": principal},
        )

    def add_reservation_group(self, name: str = "reserved") -> str:
        """A capacity reservation group that somebody else made; its id."""
        group = self.add_group()
        return self._add(RESERVATION_GROUP, f"{group}/providers/Microsoft.Compute/capacityReservationGroups/{name}")

    def add_registry(self, name: str = "images") -> str:
        """A container registry that somebody else made; its id."""
        return self._add(REGISTRY, f"{self.add_group()}/providers/Microsoft.ContainerRegistry/registries/{name}")

    def _add(self, token: str, resource_id: str, **inputs: object) -> str:
        names = resource_id.split("/")
        found = {"resourceGroupName": names[4], "name": names[-1], **inputs}
        owner = "" if token == RESOURCE_GROUP else f"{RESOURCE_GROUP}|{group_id(resource_id)}"
        record = Record(token=token, id=resource_id, inputs=found, notes={"subscription": SUBSCRIPTION}, owner=owner)
        with self.world.open() as account:
            account.records.setdefault(record.key, record)
        return resource_id
