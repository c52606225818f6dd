"""Addresses, rules, certificates and images of a host cluster, without starting one."""

import hashlib
import io
import json
import subprocess
import tarfile
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from modelyard.cluster.local.engines.host import containerd, kubelet, mounts, network
from modelyard.cluster.local.engines.host.certificates import issue
from modelyard.cluster.local.engines.host.machine import Addresses
from modelyard.cluster.local.folder import LocalClusterError
from tests.unit.cluster.local.conftest import MakeProgram


def routes(program: MakeProgram, *networks: str) -> None:
    listed = json.dumps([{"dst": each} for each in ("default", *networks)])
    program("ip", f"echo '{listed}'")


def test_addresses_avoid_what_this_machine_reaches(program: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_resolvers", lambda: ["10.202.3.4", "fe80::1%eth0"])
    routes(program, "0.0.0.0/1", "10.200.7.0/24", "10.201.0.1", "192.168.0.0/16")
    assert network.choose_addresses().network == IPv4Network("10.203.0.0/16")


def test_a_machine_whose_private_networks_are_taken_as_a_whole(
    program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "_resolvers", list)
    routes(program, "10.0.0.0/8", "172.31.0.0/20")
    assert network.choose_addresses().network == IPv4Network("172.30.0.0/16")
    routes(program, "10.0.0.0/8", "172.16.0.0/12")
    with pytest.raises(LocalClusterError, match="is in use here; remove a route"):
        network.choose_addresses()


def test_ranges_do_not_overlap() -> None:
    addresses = Addresses(network=IPv4Network("10.200.0.0/16"))
    ranges = [addresses.simulated_pods, addresses.services, addresses.pods, IPv4Network(addresses.node)]
    assert not any(one.overlaps(other) for one in ranges for other in ranges if one is not other)
    assert all(each.subnet_of(addresses.network) for each in ranges)
    assert (addresses.node, addresses.api, addresses.dns) == ("10.200.0.1", "10.200.64.1", "10.200.64.10")


@pytest.mark.parametrize(("policy", "rules"), [("ACCEPT", 0), ("DROP", 4)])
def test_other_firewalls_are_opened_only_where_they_drop(
    program: MakeProgram, tmp_path: Path, policy: str, rules: int
) -> None:
    program("iptables", f'echo "$@" >> {tmp_path}/called; echo "-P $2 {policy}"')
    network._pass_other_firewalls(IPv4Network("10.200.0.0/16"))  # pyright: ignore[reportPrivateUsage]
    called = (tmp_path / "called").read_text().splitlines()
    assert len([each for each in called if each.startswith("-I")]) == rules


@pytest.mark.parametrize(
    ("forward", "up"),
    [
        (["-P FORWARD ACCEPT"], True),
        (["-P FORWARD DROP"], False),
        (["-P FORWARD DROP", "-A FORWARD -s 10.200.0.0/16 -m comment --comment modelyard -j ACCEPT"], True),
    ],
)
def test_a_firewall_that_was_loaded_anew_is_seen(program: MakeProgram, forward: list[str], up: bool) -> None:
    lines = " ".join(f"'{line}'" for line in forward)
    program("iptables", f'test "$2" = FORWARD && printf "%s\\n" {lines} || echo "-P $2 ACCEPT"')
    program("ip", "exit 0")
    program("nft", "exit 0")
    assert network.is_up() is up


def test_only_our_own_rules_are_taken_back(program: MakeProgram, tmp_path: Path) -> None:
    ours = "-A FORWARD -s 10.200.0.0/16 -m comment --comment modelyard -j ACCEPT"
    theirs = "-A FORWARD -s 10.9.0.0/16 -m comment --comment theirs -j ACCEPT"
    program("iptables", f'echo "$@" >> {tmp_path}/called; test "$2" = FORWARD && printf "%s\\n" "{ours}" "{theirs}"')
    network._close_other_firewalls()  # pyright: ignore[reportPrivateUsage]
    called = (tmp_path / "called").read_text().splitlines()
    assert [each for each in called if each.startswith("-D")] == [f"{ours.replace('-A', '-D')} -w 10"]


def test_an_image_of_one_program(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"static")
    containerd.write_image(tmp_path / "image.tar", "example.org/x:1", program)
    with tarfile.open(tmp_path / "image.tar") as archive:
        files = {each.name: archive.extractfile(each) for each in archive}
        content = {name: file.read() for name, file in files.items() if file}
    [manifest] = json.loads(content["manifest.json"])
    assert manifest["RepoTags"] == ["example.org/x:1"]
    [layer] = manifest["Layers"]
    config = json.loads(content[manifest["Config"]])
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(content[layer]).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(content[layer])) as inner:
        [entry] = inner.getmembers()
        assert (f"/{entry.name}", entry.mode) == (config["config"]["Entrypoint"][0], 0o755)


def openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


def test_a_certificate_says_who_it_is_and_can_sign_no_other(tmp_path: Path) -> None:
    authority = ("-keyout", f"{tmp_path}/ca.key", "-out", f"{tmp_path}/ca.crt")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca", *authority)
    issue(tmp_path, "kubelet", "system:node:host", group="system:nodes")
    issue(tmp_path, "server", "system:node:host", addresses=["10.200.0.1", "metrics.kube-system.svc"])
    openssl("verify", "-CAfile", f"{tmp_path}/ca.crt", f"{tmp_path}/kubelet.crt")
    asked = ("x509", "-noout", "-text", "-nameopt", "RFC2253", "-in")
    shown = {name: openssl(*asked, f"{tmp_path}/{name}.crt") for name in ("kubelet", "server")}
    assert "Subject: CN=system:node:host,O=system:nodes" in shown["kubelet"]
    assert "TLS Web Client Authentication" in shown["kubelet"]
    assert "CA:TRUE" not in shown["kubelet"] + shown["server"]
    assert "IP Address:10.200.0.1, DNS:metrics.kube-system.svc" in shown["server"]
    assert (tmp_path / "kubelet.key").stat().st_mode & 0o077 == 0
    first = (tmp_path / "kubelet.crt").read_bytes()
    issue(tmp_path, "kubelet", "system:node:host", group="system:nodes")
    assert (tmp_path / "kubelet.crt").read_bytes() == first, "kept over restarts"


def test_the_node_keeps_for_itself_what_a_pools_node_does() -> None:
    size = kubelet.node_size()
    assert 0 < size.allocatable_cpus < size.cpus
    assert 0 < size.allocatable_memory_gib < size.memory_gib


def test_every_controller_is_handed_down(tmp_path: Path) -> None:
    kubelet.hand_down(tmp_path)
    assert not (tmp_path / "cgroup.subtree_control").exists(), "version 1 has none"
    (tmp_path / "cgroup.controllers").write_text("cpu\n")
    kubelet.hand_down(tmp_path)
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu"


def test_mounts_are_found_whatever_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "mountinfo"
    listed.write_bytes("36 35 98:0 / /home/josé/a\\040b rw - ext4 /dev/sda rw\n".encode())
    monkeypatch.setattr(mounts, "_MOUNTS", listed)
    unmounted: list[str] = []

    def umount(*command: str) -> subprocess.CompletedProcess[str]:
        unmounted.append(command[-1])
        listed.write_bytes(b"")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(mounts, "attempt", umount)
    mounts.unmount_below(Path("/home/josé"))
    assert unmounted == ["/home/josé/a b"]
