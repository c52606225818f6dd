"""What a cluster needs beside a kubelet: Services, names, metrics, volumes; each a process with rights of its own."""

import json
from pathlib import Path

from modelyard.cluster.local.engines.control_plane import write_kubeconfig
from modelyard.cluster.local.engines.host import network
from modelyard.cluster.local.engines.host.machine import NODE, PAUSE_IMAGE, Machine
from modelyard.cluster.local.engines.host.objects import PROVISIONER_ACCOUNT, SYSTEM_NAMESPACE
from modelyard.cluster.local.ports import ADDRESS

_METRICS_SECONDS = 10
"""The shortest that metrics-server takes, so that autoscaling is seen soon."""
_CACHE_SECONDS = 30
_HELPER_SECONDS = 60


def proxy(machine: Machine) -> list[str]:
    """kube-proxy: Services, as rules of nftables.

    https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/
    """
    ports = machine.record.ports
    kept = ("tcpEstablishedTimeout", "tcpCloseWaitTimeout")
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": _kubeconfig(machine, "kube-proxy")},
        "hostnameOverride": NODE,
        "clusterCIDR": str(machine.addresses.pods),
        "nodePortAddresses": [f"{machine.addresses.node}/32"],
        "healthzBindAddress": f"{ADDRESS}:{ports['kube-proxy']}",
        "metricsBindAddress": f"{ADDRESS}:{ports['kube-proxy-metrics']}",
        # The machine's own limits of tracked connections stay as they are.
        "conntrack": {"maxPerCore": 0, **dict.fromkeys(kept, "0s")},
    }
    return [f"--config={machine.write('kube-proxy.yaml', json.dumps(configuration))}"]


def dns(machine: Machine) -> list[str]:
    """CoreDNS: names of the cluster, and for all others the machine's own servers. https://coredns.io/plugins/"""
    forward = "  forward . /etc/resolv.conf\n" if network.has_resolver() else ""
    corefile = f""". {{
  bind {machine.addresses.node}
  errors
  kubernetes cluster.local in-addr.arpa ip6.arpa {{
    kubeconfig {_kubeconfig(machine, "coredns")}
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
  }}
{forward}  cache {_CACHE_SECONDS}
}}
"""
    return ["-conf", str(machine.write("Corefile", corefile)), "-dns.port", str(machine.record.ports["coredns"])]


def metrics(machine: Machine) -> list[str]:
    """metrics-server: CPU and memory of what runs on the real node."""
    kubeconfig = _kubeconfig(machine, "metrics-server")
    certificates = machine.certificates
    return [
        *(f"--{kind}kubeconfig={kubeconfig}" for kind in ("", "authentication-", "authorization-")),
        f"--bind-address={machine.addresses.node}",
        f"--secure-port={machine.record.ports['metrics-server']}",
        f"--tls-cert-file={certificates / 'metrics-server-server.crt'}",
        f"--tls-private-key-file={certificates / 'metrics-server-server.key'}",
        f"--kubelet-certificate-authority={certificates / 'ca.crt'}",
        "--kubelet-preferred-address-types=InternalIP",
        "--kubelet-use-node-status-port",
        f"--metric-resolution={_METRICS_SECONDS}s",
        f"--kubelet-request-timeout={_METRICS_SECONDS // 2}s",
        # Simulated nodes have no kubelet to ask.
        f"--node-selector=kubernetes.io/hostname={NODE}",
    ]


def volumes(machine: Machine) -> list[str]:
    """local-path-provisioner: a folder below the cluster's for each volume, which every pod of the node can mount.

    https://github.com/rancher/local-path-provisioner#configuration
    """
    folder = machine.node_folder / "volumes"
    folder.mkdir(parents=True, exist_ok=True)
    # One file system serves all nodes there are, so that ReadWriteMany holds.
    settings = {
        "sharedFileSystemPath": str(folder),
        "setupCommand": "/script/setup",
        "teardownCommand": "/script/teardown",
        "cmdTimeoutSeconds": _HELPER_SECONDS,
    }
    scripts = machine.node_folder / "scripts"
    for name, action in (("setup", "mkdir -m 0777 -p"), ("teardown", "rm -rf")):
        script = machine.write(f"scripts/{name}", f'#!/bin/sh\nset -eu\n{action} "$VOL_DIR"\n')
        script.chmod(0o755)
    return [
        "start",
        f"--config={machine.write('volumes.json', json.dumps(settings))}",
        f"--kubeconfig={_kubeconfig(machine, 'local-path-provisioner')}",
        f"--namespace={SYSTEM_NAMESPACE}",
        f"--service-account-name={PROVISIONER_ACCOUNT}",
        f"--helper-image={PAUSE_IMAGE}",
        f"--helper-pod-file={machine.write('helper-pod.yaml', json.dumps(_helper_pod(scripts)))}",
    ]


def _helper_pod(scripts: Path) -> dict[str, object]:
    """The pod that makes or removes a volume's folder. It runs the machine's own shell: its image has none."""
    system = [each for each in ("/bin", "/lib", "/lib64", "/usr") if Path(each).exists()]
    mounts = {"script": ("/script", str(scripts)), **{f"system-{each[1:]}": (each, each) for each in system}}
    container = {
        "name": "helper",
        "image": PAUSE_IMAGE,
        "imagePullPolicy": "Never",
        "env": [{"name": "PATH", "value": "/usr/bin:/bin"}],
        "securityContext": {
            "runAsUser": 0,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            # What a pod has written belongs to its user.
            "capabilities": {"drop": ["ALL"], "add": ["DAC_OVERRIDE", "FOWNER"]},
        },
        "volumeMounts": [{"name": name, "mountPath": inside, "readOnly": True} for name, (inside, _) in mounts.items()],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "volume"},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": NODE},
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "containers": [container],
            "volumes": [{"name": name, "hostPath": {"path": outside}} for name, (_, outside) in mounts.items()],
        },
    }


def _kubeconfig(machine: Machine, user: str) -> str:
    file = machine.node_folder / f"{user}.kubeconfig"
    write_kubeconfig(file, user, machine.server, machine.certificates, user)
    return str(file)
