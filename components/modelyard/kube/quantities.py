"""Kubernetes quantities from plain numbers. Imports no Pulumi package."""

_MIB_PER_GIB = 1024
_MILLI = 1000


def cpu_quantity(cpus: float) -> str:
    """`1.5` CPUs are `1500m`, `2` are `2`. To the nearest thousandth, at least one."""
    milli = max(1, round(cpus * _MILLI))
    return f"{milli}m" if milli % _MILLI else str(milli // _MILLI)


def memory_quantity(gib: float) -> str:
    """`2` GiB are `2Gi`, `0.5` are `512Mi`. To the nearest MiB, at least one."""
    mib = max(1, round(gib * _MIB_PER_GIB))
    return f"{mib}Mi" if mib % _MIB_PER_GIB else f"{mib // _MIB_PER_GIB}Gi"
