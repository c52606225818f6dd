"""The node's network: an address of its own, a filter before it, and masquerading for what pods ask of others.

Pods get their addresses and links from the CNI plugins ptp and host-local, as kind's do: everything that pods send is
routed, so that Services work without bridge filtering. No plugin writes firewall rules; what is needed is here, in one
table. https://www.cni.dev/plugins/current/main/ptp/
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from modelyard.cluster.local.engines.host.commands import attempt, path, run
from modelyard.cluster.local.engines.host.machine import BRIDGE, TABLE, Addresses, Machine
from modelyard.cluster.local.folder import LocalClusterError

CNI_NETWORK = "modelyard"
_CANDIDATES = [
    *(f"10.{byte}.0.0/16" for byte in (*range(200, 255), *range(1, 200))),
    *(f"172.{byte}.0.0/16" for byte in range(31, 15, -1)),
]
"""Private networks, those first that others rarely take. A company's VPN may have all that begin with 10."""
_DEFAULT_PREFIX = 8
"""A route of a shorter prefix is one to everywhere: VPNs have 0.0.0.0/1 beside the default route."""
# Of both families: what listens on all addresses listens on those of version 6 too.
_TABLE = ("inet", TABLE)
_PROXY_TABLES = (("ip", "kube-proxy"), ("ip6", "kube-proxy"))
_RULE_COMMENT = "modelyard"
_CHAINS = ("INPUT", "FORWARD")
_WAIT = ("-w", "10")
"""Seconds that iptables waits for another program that changes rules."""
_DEFAULT_MTU = 1500


def choose_addresses() -> Addresses:
    """A private /16 that overlaps with no route, address or name server of this machine.

    Raises:
        LocalClusterError: there is none left.
    """
    taken = [network for network in _taken() if network.prefixlen >= _DEFAULT_PREFIX]
    for network in map(IPv4Network, _CANDIDATES):
        if not any(network.overlaps(each) for each in taken):
            return Addresses(network=network)
    raise LocalClusterError("all of 10.0.0.0/8 and 172.16.0.0/12 is in use here; remove a route, or set engine: kwok")


def _taken() -> Iterator[IPv4Network]:
    for route in json.loads(run("ip", "-json", "-4", "route", "show", "table", "all") or "[]"):
        if route["dst"] != "default":
            yield IPv4Network(route["dst"], strict=False)
    for server in _resolvers():
        with suppress(ValueError):  # version 6
            yield IPv4Network(server)


def _resolvers() -> list[str]:
    """The machine's name servers. https://man7.org/linux/man-pages/man5/resolv.conf.5.html"""
    try:
        lines = Path("/etc/resolv.conf").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    words = [line.split() for line in lines]
    return [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"]


def has_resolver() -> bool:
    """Whether this machine has a server to ask for names outside of the cluster."""
    return bool(_resolvers())


def set_up(machine: Machine) -> None:
    """Make interface, routes and rules, or mend them. Pods that run keep their links."""
    network = machine.addresses.network
    if not _has_link():
        run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "replace", f"{machine.addresses.node}/{network.prefixlen}", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    run("nft", "-f", "-", text=_rules(machine))
    _pass_other_firewalls(network)
    machine.write("cni/10-modelyard.conflist", json.dumps(_cni(machine)))


def is_up() -> bool:
    """Whether the interface and the rules are there, and no other firewall has been started or loaded anew since."""
    rules = attempt("nft", "list", "table", *_TABLE)
    return _has_link() and rules.returncode == 0 and all(any(map(_is_ours, each)) for each in _dropping().values())


def _has_link() -> bool:
    return attempt("ip", "link", "show", BRIDGE).returncode == 0


def proxy_tables() -> bool:
    """Whether there are rules of a kube-proxy on this machine."""
    return any(attempt("nft", "list", "table", family, name).returncode == 0 for family, name in _PROXY_TABLES)


def _rules(machine: Machine) -> str:
    """Our table. It is replaced as a whole: nothing passes between the old one and the new one.

    Nothing on other interfaces reaches the cluster's addresses, nor can pretend to have one. The API server listens on
    all addresses, since it is asked at two of them; only this machine and pods get through.
    """
    addresses = machine.addresses
    return f"""
table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
  chain guard {{
    type filter hook prerouting priority raw; policy accept;
    iifname "lo" accept
    ip saddr {addresses.network} fib saddr . iif oif 0 drop
    ip saddr {addresses.network} accept
    ip daddr {addresses.network} drop
    fib daddr type local tcp dport {machine.record.ports["kube-apiserver"]} drop
  }}
  chain leave {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {addresses.pods} ip daddr != {addresses.network} masquerade
  }}
}}
"""


def _cni(machine: Machine) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "dataDir": str(machine.node_folder / "addresses"),
        "ranges": [[{"subnet": str(machine.addresses.pods)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    link = {"type": "ptp", "ipMasq": False, "mtu": _mtu(), "ipam": addresses}
    return {"cniVersion": "0.4.0", "name": CNI_NETWORK, "plugins": [link]}


def _mtu() -> int:
    """The largest packet that goes out: a VPN or a virtual machine's network may take less than Ethernet does."""
    routes = json.loads(run("ip", "-json", "-4", "route", "show", "default") or "[]")
    links = {link["ifname"]: link["mtu"] for link in json.loads(run("ip", "-json", "link", "show"))}
    return min((links.get(route["dev"], _DEFAULT_MTU) for route in routes), default=_DEFAULT_MTU)


def _pass_other_firewalls(network: IPv4Network) -> None:
    """Let pods through where another program drops by default, as Docker does to all that is forwarded.

    iptables is asked only then: its first rule in a table makes the table.
    """
    _close_other_firewalls()
    for chain in _dropping():
        for direction in ("-s", "-d"):
            comment = ("-m", "comment", "--comment", _RULE_COMMENT)
            run("iptables", "-I", chain, direction, str(network), *comment, "-j", "ACCEPT", *_WAIT)


def _close_other_firewalls() -> None:
    for chain in _CHAINS:
        for rule in filter(_is_ours, _iptables(chain)):
            run("iptables", "-D", *rule.split()[1:], *_WAIT)


def _dropping() -> dict[str, list[str]]:
    """The chains that drop by default, and their rules."""
    listed = {chain: _iptables(chain) for chain in _CHAINS}
    return {chain: rules for chain, rules in listed.items() if f"-P {chain} DROP" in rules}


def _is_ours(rule: str) -> bool:
    return f"--comment {_RULE_COMMENT} " in rule


def _iptables(chain: str) -> list[str]:
    """Rules of iptables; none where it is not installed, as nothing else makes any."""
    if shutil.which("iptables", path=path()) is None:
        return []
    return attempt("iptables", "-S", chain, *_WAIT).stdout.splitlines()


def remove() -> None:
    """Remove interface, pods' links, tables and rules, whatever there is of them."""
    # After a restart of the machine the tables of a kube-proxy are another Kubernetes' own.
    ours = _has_link() or attempt("nft", "list", "table", *_TABLE).returncode == 0
    for table in (*(_PROXY_TABLES if ours else ()), _TABLE):
        attempt("nft", "delete", "table", *table)
    for link in _pod_links():
        attempt("ip", "link", "delete", link)
    attempt("ip", "link", "delete", BRIDGE)
    _close_other_firewalls()


def _pod_links() -> list[str]:
    """Links of pods, by the routes to their addresses: ptp gives them names that tell nothing."""
    node = next((IPv4Address(each) for each in _addresses_of(BRIDGE)), None)
    if node is None:
        return []
    network = IPv4Network(f"{node}/16", strict=False)
    routes = json.loads(run("ip", "-json", "-4", "route", "show") or "[]")
    found = {
        route["dev"]
        for route in routes
        if "dev" in route and route["dst"] != "default" and IPv4Network(route["dst"], strict=False).subnet_of(network)
    }
    return sorted(found - {BRIDGE})


def _addresses_of(link: str) -> list[str]:
    shown = attempt("ip", "-json", "-4", "address", "show", "dev", link)
    if shown.returncode != 0:
        return []
    return [each["local"] for device in json.loads(shown.stdout) for each in device.get("addr_info", [])]
