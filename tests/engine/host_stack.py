"""A stack of the sample model on a real node of this machine, for tests that change it one after the other."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from modelyard.cluster.local.images.build import provide_archive
from modelyard.cluster.local.images.sources import find_sources
from modelyard.cluster.spec import ImageBuildSpec
from tests.engine.local_stack import ROOT, Json, LocalStack, local_stack
from tests.support.host_clusters import node_environment

IMAGE = "registry.example.org/digits:1.0.0"
CLUSTER: Json = {
    "local": {
        "engine": "host",
        "images": {"registry.example.org/digits": {"context": str(ROOT / "examples" / "digits")}},
    }
}


def job(code: str, **fields: Any) -> Json:
    """A job of some Python in the sample's image."""
    return {
        "image": IMAGE,
        "command": ["python", "-c", code],
        "pool": "system",
        "cpus": 0.05,
        "memory_gib": 0.25,
        "retries": 0,
        "timeout_seconds": 300,
        **fields,
    }


def training(folder: str, **fields: Any) -> Json:
    """A training of the sample model."""
    return {
        **job("", artifact={"volume": "models", "folder": folder}, await_completion=True, memory_gib=0.5),
        "command": [],
        "args": ["train", *fields.get("args", [])],
    }


def digits(**fields: Any) -> Json:
    """The sample model's service."""
    container = {
        "image": IMAGE,
        "args": ["serve"],
        "port": 8080,
        "ready_path": "/readyz",
        "live_path": "/healthz",
    }
    return {
        "model": {"artifact": "first"},
        "runtime": {"container": container},
        "pool": "system",
        "cpus": 0.1,
        "memory_gib": 0.375,
        "env": {"DRAIN_SECONDS": "0"},
        **fields,
    }


@contextmanager
def host_stack(base: Path, spec: Json, secrets: Mapping[str, str] | None = None) -> Generator[LocalStack]:
    """The stack before its first update. When the block ends the node is removed, whatever has become of the stack."""
    # What is built and downloaded is kept for the next run.
    cache = {"XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")}
    with node_environment(base / "scratch" / "state"):
        _build(base, cache)
        with local_stack(base, spec, secrets=secrets, environment=cache) as made:
            yield made


def _build(base: Path, cache: dict[str, str]) -> None:
    """Build the image before the time of an update begins: on a new machine its base and its wheels come first."""
    builds: Json = CLUSTER["local"]["images"]
    with patch.dict(os.environ, cache):
        for source in find_sources({key: ImageBuildSpec(**each) for key, each in builds.items()}, str(base)).values():
            provide_archive(source)
