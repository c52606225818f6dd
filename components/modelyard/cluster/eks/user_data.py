"""What a node reads when it first starts, as text: settings of Amazon Linux 2023 and of Bottlerocket.

EKS adds the cluster's name, address and certificate, labels and taints to both by itself, as Karpenter does.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from modelyard.gpu.fabric import HUGE_PAGES_2MIB

_BOUNDARY = "==modelyard=="
_NODE_CONFIG = """apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  instance:
    localStorage:
      strategy: RAID0
"""
# Runs before the kubelet starts, which counts huge pages once.
# https://repost.aws/knowledge-center/enable-hugepages-amazon-eks
_HUGE_PAGES_SCRIPT = f"""#!/bin/bash
set -euo pipefail
sysctl -w vm.nr_hugepages={HUGE_PAGES_2MIB}
echo vm.nr_hugepages={HUGE_PAGES_2MIB} > /etc/sysctl.d/90-modelyard-hugepages.conf
"""
# https://bottlerocket.dev/en/os/latest/api/settings/bootstrap-commands/
_LOCAL_STORAGE_COMMANDS = [
    ["apiclient", "ephemeral-storage", "init"],
    ["apiclient", "ephemeral-storage", "bind", "--dirs", "/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods"],
]


def al2023(*, local_storage: bool, huge_pages: bool) -> str | None:
    """User data of Amazon Linux 2023 in MIME; None where nothing is to be set.

    Args:
        local_storage: make one array of the machine's NVMe disks, for images, container files and scratch volumes.
            https://awslabs.github.io/amazon-eks-ami/nodeadm/doc/api/#localstorageoptions
        huge_pages: reserve the huge pages that programs on EFA ask for.
    """
    parts: list[tuple[str, str]] = []
    if local_storage:
        parts.append(("application/node.eks.aws", _NODE_CONFIG))
    if huge_pages:
        parts.append(('text/x-shellscript; charset="us-ascii"', _HUGE_PAGES_SCRIPT))
    if not parts:
        return None
    head = f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{_BOUNDARY}"\n'
    body = "".join(f"\n--{_BOUNDARY}\nContent-Type: {kind}\n\n{text}" for kind, text in parts)
    return f"{head}{body}\n--{_BOUNDARY}--\n"


def bottlerocket(settings: Mapping[str, Any], *, local_storage: bool, huge_pages: bool) -> str | None:
    """User data of Bottlerocket in TOML; None where nothing is to be set.

    Args:
        settings: below `settings`, nested.
        local_storage: as for Amazon Linux.
        huge_pages: as for Amazon Linux.
    """
    merged: dict[str, Any] = dict(settings)
    if local_storage:
        command = {"commands": _LOCAL_STORAGE_COMMANDS, "essential": True, "mode": "always"}
        merged["bootstrap-commands"] = {**merged.get("bootstrap-commands", {}), "000-local-storage": command}
    if huge_pages:
        kernel = merged.get("kernel", {})
        sysctl = {**kernel.get("sysctl", {}), "vm.nr_hugepages": str(HUGE_PAGES_2MIB)}
        merged["kernel"] = {**kernel, "sysctl": sysctl}
    return "\n".join(_tables({"settings": merged}, ())) + "\n" if merged else None


def _tables(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    values = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    if values:
        yield f"[{'.'.join(_key(part) for part in path)}]"
        # JSON's text, numbers, booleans and lists are TOML's.
        yield from (f"{_key(key)} = {json.dumps(value)}" for key, value in values.items())
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _tables(cast("Mapping[str, Any]", value), (*path, key))


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text)
