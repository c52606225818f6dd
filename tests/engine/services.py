"""A service of somebody's own server, as the plain values of its YAML."""

from tests.engine.local_stack import Json


def service(
    image: str = "registry.example.org/server:1.0.0", *, container: Json | None = None, **fields: object
) -> Json:
    """One on the pool `system`.

    Args:
        image: of the server.
        container: further fields of its runtime.
        fields: further fields of the service.
    """
    runtime: Json = {"image": image, "port": 8080, "ready_path": "/healthz", **(container or {})}
    return {"runtime": {"container": runtime}, "pool": "system", "cpus": 1, "memory_gib": 1, **fields}
