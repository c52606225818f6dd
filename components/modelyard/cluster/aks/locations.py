"""Regions and zones of Azure as far as their names tell, so that nothing has to be looked up."""

REGION = "[a-z]+[0-9]?"
"""What names of regions look like; new ones appear every year, so they are not listed."""

OTHER_CLOUDS = ("china", "usdod", "usgov", "usnat", "ussec")
"""What names of regions begin with that are no part of Azure's public cloud: they have portals, hosts and accounts of
their own. https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure"""

WITHOUT_API_SERVER_SUBNETS = ("qatarcentral",)
"""Where AKS has no API server with an address in the cluster's network, as every cluster's here is.
https://learn.microsoft.com/azure/aks/api-server-vnet-integration#availability"""

_WITHOUT_ZONES = frozenset(
    {
        "australiacentral", "australiacentral2", "australiasoutheast", "brazilsoutheast", "canadaeast", "francesouth",
        "germanynorth", "jioindiacentral", "jioindiawest", "koreasouth", "northcentralus", "norwaywest",
        "southafricawest", "southindia", "switzerlandwest", "uaecentral", "ukwest", "westcentralus", "westindia",
        "westus",
    }
)  # fmt: skip
"""https://learn.microsoft.com/azure/reliability/regions-list"""
_ZONES = ("1", "2", "3")


def zones_of(region: str) -> tuple[str, ...]:
    """The names of a region's zones as nodes carry them, in order: `eastus2-1`; empty where a region has none.

    Which building a number means differs by subscription.
    https://learn.microsoft.com/azure/reliability/availability-zones-overview#physical-and-logical-availability-zones
    """
    return () if region in _WITHOUT_ZONES else tuple(f"{region}-{number}" for number in _ZONES)


def is_zone_of(zone: str, region: str) -> bool:
    """Whether a name can be that of a zone in the region."""
    return zone in {f"{region}-{number}" for number in _ZONES}


def zone_number(zone: str) -> str:
    """The zone as Azure's own resources name it: `1`."""
    return zone.rpartition("-")[2]
