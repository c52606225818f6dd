"""The types of Compute Engine's networks.

What replaces them: the schemas of https://github.com/hashicorp/terraform-provider-google (google/services/compute). How
long they take: our estimate, as Google publishes no times.
"""

from tools.offline.gcp.kinds import Api, Kind, Name, Reference, Seconds

NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
ROUTER = "gcp:compute/router:Router"
ROUTER_NAT = "gcp:compute/routerNat:RouterNat"
FIREWALL_RULE = "gcp:compute/firewall:Firewall"
"""A program's own."""
FIREWALL = "internal:compute/firewall:Firewall"
"""One that GKE keeps."""
ENDPOINT_GROUP = "internal:compute/networkEndpointGroup:NetworkEndpointGroup"
FORWARDING_RULE = "internal:compute/forwardingRule:ForwardingRule"

IN_USE = "resourceInUseByAnotherResource"
_COMPUTE = "compute.googleapis.com"
_OWN = ("project", "deletionPolicy")
_NAME = Name(most=63)
"""Names of Compute Engine's resources; the API's own pattern has the rest."""
_IN_NETWORK = Reference(path="network", to=NETWORK, holds=True)

KINDS = (
    Kind(
        token=NETWORK,
        service="Network",
        enabled=_COMPUTE,
        id_format="projects/{project}/global/networks/{name}",
        name=_NAME,
        unique=("project", "name"),
        replace=(
            *("name", "autoCreateSubnetworks", "description", "internalIpv6Range", "networkProfile", "params"),
            "project",
        ),
        in_use=(IN_USE, "The network resource '{id}' is already being used by '{user}'"),
        api=Api(
            document="compute.v1",
            schema="Network",
            renamed={
                "routingMode": "routingConfig.routingMode",
                "bgpBestPathSelectionMode": "routingConfig.bgpBestPathSelectionMode",
                "bgpAlwaysCompareMed": "routingConfig.bgpAlwaysCompareMed",
                "bgpInterRegionCost": "routingConfig.bgpInterRegionCost",
            },
            apart=(*_OWN, "deleteBgpAlwaysCompareMed", "deleteDefaultRoutesOnCreate"),
        ),
        outputs=("gatewayIpv4", "networkId", "numericId", "selfLink", "mtu", "routingMode", "internalIpv6Range"),
        filled={
            "autoCreateSubnetworks": True,
            "deleteDefaultRoutesOnCreate": False,
            "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL",
        },
        seconds=Seconds(create=30, update=15, delete=30),
    ),
    Kind(
        token=SUBNETWORK,
        service="Subnetwork",
        enabled=_COMPUTE,
        place="region",
        id_format="projects/{project}/regions/{region}/subnetworks/{name}",
        name=_NAME,
        unique=("project", "region", "name"),
        replace=(
            *("name", "network", "description", "externalIpv6Prefix", "internalIpv6Prefix", "params", "region"),
            *("reservedInternalRange", "resolveSubnetMask", "project", "purpose"),
        ),
        references=(_IN_NETWORK,),
        in_use=(IN_USE, "The subnetwork resource '{id}' is already being used by '{user}'"),
        api=Api(
            document="compute.v1",
            schema="Subnetwork",
            apart=(*_OWN, "sendSecondaryIpRangeIfEmpty"),
        ),
        outputs=(
            *("creationTimestamp", "fingerprint", "gatewayAddress", "selfLink", "subnetworkId", "stackType", "purpose"),
            *("secondaryIpRanges", "privateIpv6GoogleAccess", "ipCidrRange", "state", "ipv6CidrRange"),
            *("externalIpv6Prefix", "internalIpv6Prefix"),
        ),
        refreshed=("fingerprint",),
        filled={"privateIpGoogleAccess": False},
        seconds=Seconds(create=20, update=20, delete=20),
    ),
    Kind(
        token=ROUTER,
        service="Router",
        enabled=_COMPUTE,
        place="region",
        id_format="projects/{project}/regions/{region}/routers/{name}",
        name=_NAME,
        unique=("project", "region", "name"),
        replace=("name", "network", "region", "project", "encryptedInterconnectRouter", "nccGateway", "params"),
        references=(_IN_NETWORK,),
        api=Api(document="compute.v1", schema="Router", apart=_OWN),
        outputs=("creationTimestamp", "selfLink"),
        seconds=Seconds(create=15, update=15, delete=15),
    ),
    Kind(
        token=ROUTER_NAT,
        service="RouterNat",
        enabled=_COMPUTE,
        place="region",
        id_format="{project}/{region}/{router}/{name}",
        name=_NAME,
        unique=("project", "region", "router", "name"),
        replace=("name", "router", "region", "project", "endpointTypes", "initialNatIps", "type"),
        references=(
            Reference(path="router", to=ROUTER),
            Reference(path="subnetworks.name", to=SUBNETWORK),
        ),
        api=Api(
            document="compute.v1",
            schema="RouterNat",
            apart=(*_OWN, "router", "region", "initialNatIps"),
        ),
        outputs=(
            *("autoNetworkTier", "drainNatIps", "endpointTypes", "natIps", "minPortsPerVm"),
            *("enableDynamicPortAllocation", "enableEndpointIndependentMapping"),
        ),
        filled={
            "icmpIdleTimeoutSec": 30,
            "tcpEstablishedIdleTimeoutSec": 1200,
            "tcpTimeWaitTimeoutSec": 120,
            "tcpTransitoryIdleTimeoutSec": 30,
            "udpIdleTimeoutSec": 30,
            "type": "PUBLIC",
        },
        seconds=Seconds(create=30, update=30, delete=30),
    ),
    Kind(
        token=FIREWALL_RULE,
        service="Firewall",
        enabled=_COMPUTE,
        id_format="projects/{project}/global/firewalls/{name}",
        name=_NAME,
        unique=("project", "name"),
        replace=("name", "network", "direction", "params", "project"),
        references=(_IN_NETWORK,),
        api=Api(
            document="compute.v1",
            schema="Firewall",
            renamed={
                "allows": "allowed",
                "allows.protocol": "IPProtocol",
                "denies": "denied",
                "denies.protocol": "IPProtocol",
                "enableLogging": "logConfig.enable",
            },
            apart=_OWN,
        ),
        outputs=("creationTimestamp", "selfLink", "destinationRanges", "direction", "enableLogging", "sourceRanges"),
        filled={"priority": 1000},
        seconds=Seconds(create=15, update=15, delete=15),
    ),
    Kind(token=FIREWALL, service="Firewall", references=(_IN_NETWORK,), internal=True),
    Kind(
        token=ENDPOINT_GROUP,
        service="NetworkEndpointGroup",
        references=(_IN_NETWORK, Reference(path="subnetwork", to=SUBNETWORK, holds=True)),
        internal=True,
    ),
    Kind(
        token=FORWARDING_RULE,
        service="ForwardingRule",
        references=(
            Reference(path="subnetwork", to=SUBNETWORK, holds=True),
            Reference(path="proxies", to=SUBNETWORK, holds=True),
        ),
        internal=True,
    ),
)
