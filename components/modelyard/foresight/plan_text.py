"""A plan as text for a terminal."""

from collections.abc import Iterator

from modelyard.foresight.plan import Plan, PlannedPool, PlannedWorkload
from modelyard.foresight.queues import QUEUE_HEAD, queue_rows

_POOL_HEAD = (
    *("POOL", "NODES", "CAPACITY", "MACHINE TYPE", "CPUS", "GIB"),
    *("ACCELERATORS", "SHARING", "RESOURCES", "GPUS WANTED", "USD/HOUR"),
)
_WORKLOAD_HEAD = ("WORKLOAD", "KIND", "POOL", "PODS", "NODES", "GPUS", "CPUS", "GIB", "MAKES")
_SERVICE_HEAD = ("SERVICE", "STARTS WITHIN", "NODES EACH", "REQUESTS", "USD/HOUR", "GIB OF EACH GPU")


def render(plan: Plan) -> str:
    """The plan as text for a terminal."""
    pools = [
        (
            each["name"],
            f"{each['min_nodes']}-{each['max_nodes']}",
            each["capacity"],
            each["machine_type"] or "-",
            f"{each['cpus']:g}",
            f"{each['memory_gib']:g}",
            f"{each['gpus_per_node']} x {each['accelerator']}" if each["accelerator"] else "-",
            each["sharing"] if each["accelerator"] else "-",
            ", ".join(f"{resource}: {count}" for resource, count in each["resources"].items()) or "-",
            f"{each['wanted_gpus']} of {each['max_gpus']}" if each["max_gpus"] else "-",
            _usd(each["min_usd_per_hour"], each["max_usd_per_hour"]),
        )
        for each in plan["pools"]
    ]
    workloads = [
        (
            f"{each['namespace']}/{each['name']}",
            each["kind"],
            each["pool"],
            _range(each["min_pods"], each["max_pods"]),
            _range(each["min_nodes"], each["max_nodes"]),
            str(each["gpus"]) if each["gpus"] else "-",
            f"{each['cpus']:g}",
            f"{each['memory_gib']:g}",
            ", ".join(each["makes"]),
        )
        for each in plan["workloads"]
    ]
    return "\n\n".join(
        [
            f"cluster: {plan['cluster']}",
            _table(_POOL_HEAD, pools),
            *_costs(plan["pools"]),
            *([_table(QUEUE_HEAD, list(queue_rows(plan["queues"])))] if plan["queues"] else []),
            _table(_WORKLOAD_HEAD, workloads),
            *_services(plan["workloads"]),
        ]
    )


def _services(workloads: list[PlannedWorkload]) -> Iterator[str]:
    rows = [
        (
            f"{each['namespace']}/{each['name']}",
            f"{service['startup_seconds']} s",
            str(service["nodes_per_replica"]),
            f"{service['weight_percent']} %",
            _usd(service["min_usd_per_hour"], service["max_usd_per_hour"]),
            "-" if needed is None else f"{needed:g} of {service['usable_gpu_memory_gib']:g}",
        )
        for each in workloads
        if (service := each["service"])
        for needed in [service["needed_gpu_memory_gib"]]
    ]
    if rows:
        yield _table(_SERVICE_HEAD, rows)


def _range(least: int, most: int) -> str:
    return str(most) if least == most else f"{least}-{most}"


def _usd(least: float | None, most: float | None) -> str:
    return "-" if least is None or most is None else f"{least:g}-{most:g}"


def _costs(pools: list[PlannedPool]) -> Iterator[str]:
    known = [each for each in pools if each["max_usd_per_hour"] is not None]
    if not known:
        return
    least, most = (sum(each[key] or 0 for each in known) for key in ("min_usd_per_hour", "max_usd_per_hour"))
    without = [each["name"] for each in pools if each not in known]
    missing = f", and what {', '.join(without)} cost, which is not known" if without else ""
    yield (
        f"machines: {least:,.2f} to {most:,.2f} USD an hour by list prices; add control plane, disks, network and"
        f" load balancers{missing}"
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    )
