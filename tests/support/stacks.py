"""A stack that uses every block, as the plain values of its YAML, and changed copies of it."""

import copy
import re
from pathlib import Path
from typing import Any

import yaml

from modelyard.stack.spec import STACK_KEY


class _Removed:
    def __repr__(self) -> str:
        # It is in names of tests, which are to be the same in every process.
        return "REMOVED"


REMOVED = _Removed()
"""Put in place of a value: the key is left out."""

SECRET = "v1:AAABAHRoZSB2YWx1ZQ=="
"""An encrypted value as Pulumi writes it. No message may show it."""

_STACK: dict[str, Any] = {
    "cluster": {"local": {"engine": "kwok"}},
    "pools": {
        "system": {"cpus": 8, "memory_gib": 32, "max_nodes": 1},
        "l4": {"accelerator": "l4", "max_nodes": 4},
        "h100": {"accelerator": "h100", "gpus_per_node": 8, "max_nodes": 2},
    },
    "platform": {"charts": {"mirror": "oci://registry.example.org/charts"}},
    "observability": {"metrics": {"retention_days": 7, "storage_gib": 20}},
    "workspaces": {
        "chat": {
            "quota": {"gpus": 24, "cpus": 512, "memory_gib": 8192},
            "members": {"edit": ["group:chat"], "view": ["group:all"]},
            "secrets": {"hf-token": {"from": "config/hf-token"}},
            "config": {"prompts": {"values": {"system": "Be kind."}}},
            "volumes": {"models": {"size_gib": 5}},
            "network": {"allow_egress": [{"cidr": "10.20.0.0/16", "ports": [5432]}]},
            "services": {
                "assistant": {
                    "model": {"huggingface": "Qwen/Qwen2.5-7B-Instruct", "token_secret": "hf-token"},
                    "runtime": {"vllm": {"max_model_len": 8192}},
                    "pool": "l4",
                    "gpus": 1,
                    "autoscaling": {"max_replicas": 2, "target": {"cpu_percent": 70}},
                },
                "fraud": {
                    "runtime": {
                        "container": {"image": "registry.example.org/fraud:4.2.0", "port": 8080, "ready_path": "/ok"}
                    },
                    "pool": "system",
                    "cpus": 1,
                    "memory_gib": 2,
                    "replicas": 2,
                    "env": {"LOG_LEVEL": "info"},
                    "env_from_secrets": {"TOKEN": "hf-token"},
                    "mounts": [
                        {"config": "prompts", "path": "/etc/prompts"},
                        {"volume": "models", "path": "/data", "folder": "fraud", "read_only": True},
                    ],
                },
            },
            "jobs": {
                "embed": {"image": "registry.example.org/embed:1.0.0", "pool": "l4", "gpus": 1, "completions": 4},
                "score": {
                    "image": "registry.example.org/score:2.1.0",
                    "pool": "system",
                    "schedule": "0 2 * * *",
                    "time_zone": "Europe/Berlin",
                    "model": {"artifact": "fit"},
                },
                "fit": {
                    "image": "registry.example.org/fit:1.0.0",
                    "pool": "system",
                    "artifact": {"volume": "models", "folder": "fit"},
                    "await_completion": True,
                },
            },
            "training": {
                "finetune": {
                    "image": "registry.example.org/train:3.0.0",
                    "command": ["torchrun", "train.py"],
                    "pool": "h100",
                    "nodes": 2,
                    "gpus_per_node": 8,
                }
            },
        }
    },
}


def stack(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The stack with the values at some paths (`pools.l4.max_nodes`, `a.b[0]`) set, added or REMOVED."""
    changed = copy.deepcopy(_STACK)
    for path, value in (changes or {}).items():
        *outer, last = (int(step[1:-1]) if step[0] == "[" else step for step in re.findall(r"[^.\[\]]+|\[\d+\]", path))
        here: Any = changed
        for step in outer:
            here = here[step] if isinstance(step, int) else here.setdefault(step, {})
        if value is REMOVED:
            del here[last]
        else:
            here[last] = value
    return changed


def stack_file(folder: Path, written: dict[str, Any], keys: dict[str, Any] | None = None) -> Path:
    """A stack file with this stack, and the key `hf-token` encrypted unless other keys are given."""
    own = {"hf-token": {"secure": SECRET}} if keys is None else keys
    config = {**{f"modelyard:{key}": value for key, value in own.items()}, f"modelyard:{STACK_KEY}": written}
    path = folder / "Pulumi.test.yaml"
    path.write_text(yaml.safe_dump({"config": config}, sort_keys=False), encoding="utf-8")
    return path
