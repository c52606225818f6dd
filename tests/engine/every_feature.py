"""Pools and a workspace that use every feature, for any kind of cluster."""

from typing import Any

from tests.engine.local_stack import Json

IMAGE = "registry.example.org/digits:1.0.0"

# An HTTP server that ends when it is asked to.
_SERVE = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
http.server.test(http.server.SimpleHTTPRequestHandler, port=8080)
"""


def _service(pool: str, gpus: Any = 0, **fields: Any) -> Json:
    container = {"image": IMAGE, "command": ["python", "-c", _SERVE], "port": 8080, "ready_path": "/"}
    sizes = {"gpus": gpus, "surge": 0} if gpus else {"cpus": 0.05, "memory_gib": 0.125}
    return {"runtime": {"container": container}, "pool": pool, "drain_seconds": 0, **sizes, **fields}


def _job(**fields: Any) -> Json:
    command = ["python", "-c", "print('done')"]
    return {"image": IMAGE, "command": command, "pool": "system", "cpus": 0.05, "memory_gib": 0.125, **fields}


POOLS: Json = {
    "t4": {"accelerator": "t4", "gpus_per_node": 1, "max_nodes": 3},
    "shared": {"accelerator": "t4", "gpus_per_node": 1, "sharing": {"time_slicing": {"replicas": 2}}},
    "mig": {"accelerator": "h100", "gpus_per_node": 8, "sharing": {"mig": "1g.10gb"}},
}
WORKSPACE: Json = {
    "quota": {"gpus": 32, "cpus": 200, "memory_gib": 2000},
    "members": {"view": ["group:ml-all"]},
    "secrets": {"token": {"from": "config/token"}},
    "config": {"settings": {"values": {"level": "low"}}},
    "volumes": {"data": {"size_gib": 1}},
    "services": {
        "web": _service(
            "system",
            replicas=2,
            mounts=[{"config": "settings", "path": "/etc/settings"}, {"secret": "token", "path": "/etc/token"}],
        ),
        "switched": _service("system", release={"blue_green": {"live": "green", "green": {"env": {"COLOUR": "g"}}}}),
        "scaled": _service("system", autoscaling={"max_replicas": 3, "target": {"cpu_percent": 70}}),
        "assistant": {
            "model": {"huggingface": "Qwen/Qwen2.5-7B-Instruct"},
            "runtime": {"vllm": {"max_model_len": 8192}},
            "pool": "t4",
            "gpus": 1,
        },
        "turns": _service("shared", 1, replicas=2),
        "slices": _service("mig", {"mig": "1g.10gb"}, replicas=3),
    },
    "jobs": {
        "once": _job(mounts=[{"volume": "data", "path": "/data"}]),
        "nightly": _job(schedule="0 2 * * *"),
    },
    "training": {"finetune": {"image": IMAGE, "pool": "t4", "nodes": 2, "gpus_per_node": 1}},
}
