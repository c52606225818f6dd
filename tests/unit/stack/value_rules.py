"""Rules that a single value breaks: keys, types, sizes, choices, texts with a form."""

from collections.abc import Mapping

from tests.support.stacks import REMOVED
from tests.unit.stack.rule_case import ASSISTANT, CONTAINER, EMBED, FINETUNE, FRAUD, SCORE, Case

CASES: Mapping[str, Case] = {
    # Keys
    "misspelt key at the top": Case(
        {"workspace": {}},
        "workspace: is not a key here; did you mean workspaces?",
        {},
    ),
    "misspelt key of a service": Case(
        {f"{FRAUD}.replica": 2},
        f"{FRAUD}.replica: is not a key here; did you mean replicas?",
        {f"{FRAUD}.replicas": 3},
    ),
    "misspelt key deep inside": Case(
        {f"{ASSISTANT}.autoscaling.target.cpu_percnt": 70},
        f"{ASSISTANT}.autoscaling.target.cpu_percnt: is not a key here; did you mean cpu_percent?",
        {f"{ASSISTANT}.autoscaling.target.cpu_percent": 80},
    ),
    "misspelt key of a job": Case(
        {f"{EMBED}.retrys": 1},
        f"{EMBED}.retrys: is not a key here; did you mean retries?",
        {f"{EMBED}.retries": 1},
    ),
    "key of a scheduled job in a batch job": Case(
        {f"{EMBED}.time_zone": "Europe/Berlin"},
        f"{EMBED}.time_zone: is not a key here; keys here are args, ",
        {f"{EMBED}.time_zone": "Europe/Berlin", f"{EMBED}.schedule": "0 2 * * *"},
    ),
    "a required key is missing": Case(
        {f"{FRAUD}.pool": REMOVED},
        f"{FRAUD}.pool: is missing; it is required",
        {f"{FRAUD}.pool": "system"},
    ),
    # Types
    "a number in quotes": Case(
        {f"{FRAUD}.replicas": "2"},
        f"{FRAUD}.replicas: '2' is not a whole number; write 2 without quotes",
        {f"{FRAUD}.replicas": 2},
    ),
    "true where a number belongs": Case(
        {"pools.system.max_nodes": True},
        "pools.system.max_nodes: True is not a whole number; write a whole number",
        {"pools.system.max_nodes": 1, f"{FRAUD}.replicas": 1},
    ),
    "a fraction where a whole number belongs": Case(
        {f"{EMBED}.completions": 1.5},
        f"{EMBED}.completions: 1.5 is not a whole number; write a whole number",
        {f"{FRAUD}.cpus": 1.5},
    ),
    "a version without quotes": Case(
        {"cluster.local.kubernetes_version": 1.35},
        'cluster.local.kubernetes_version: 1.35 is not text; put it in quotes: "1.35"',
        {"cluster.local.kubernetes_version": "1.35"},
    ),
    "a number in the environment": Case(
        {f"{FRAUD}.env.PORT": 80},
        f'{FRAUD}.env.PORT: 80 is not text; put it in quotes: "80"',
        {f"{FRAUD}.env.PORT": "80"},
    ),
    "text where a list belongs": Case(
        {f"{FINETUNE}.command": "torchrun"},
        f"{FINETUNE}.command: 'torchrun' is not a list; write a list",
        {f"{FINETUNE}.command": ["torchrun"]},
    ),
    "a list where a mapping belongs": Case(
        {"workspaces.chat.jobs": []},
        "workspaces.chat.jobs: [] is not a mapping of names to values; write a mapping of names to values",
        {"workspaces.chat.jobs": {}},
    ),
    "a block without a value": Case(
        {"observability.metrics": None},
        "observability.metrics: has no value; write {} for a block with its defaults, or leave the key out",
        {"observability.metrics": {}},
    ),
    "an infinite size": Case(
        {"pools.system.cpus": float("inf")},
        "pools.system.cpus: inf is not a finite number; write a finite number",
        {"pools.system.cpus": 1e3},
    ),
    # Sizes
    "no node at most": Case(
        {"pools.h100.max_nodes": 0},
        "pools.h100.max_nodes: 0 is below 1; use 1 or more",
        {"pools.h100.max_nodes": 1, f"{FINETUNE}.nodes": 1},
    ),
    "a negative least size": Case(
        {"pools.l4.min_nodes": -1},
        "pools.l4.min_nodes: -1 is below 0; use 0 or more",
        {"pools.l4.min_nodes": 0},
    ),
    "more nodes at least than at most": Case(
        {"pools.system.min_nodes": 2},
        "pools.system.min_nodes: 2 is above max_nodes 1; raise max_nodes",
        {"pools.system.min_nodes": 1},
    ),
    "no CPU": Case(
        {f"{FRAUD}.cpus": 0},
        f"{FRAUD}.cpus: 0 must be above 0; use a number above 0",
        {f"{FRAUD}.cpus": 0.1},
    ),
    "negative memory": Case(
        {f"{SCORE}.memory_gib": -4},
        f"{SCORE}.memory_gib: -4 must be above 0; use a number above 0",
        {f"{SCORE}.memory_gib": 4},
    ),
    "no time": Case(
        {f"{EMBED}.timeout_seconds": 0},
        f"{EMBED}.timeout_seconds: 0 is below 1; use 1 or more",
        {f"{EMBED}.timeout_seconds": 1},
    ),
    "no replica": Case(
        {f"{FRAUD}.replicas": 0},
        f"{FRAUD}.replicas: 0 is below 1; use 1 or more",
        {f"{FRAUD}.replicas": 1},
    ),
    "a count that Kubernetes cannot hold": Case(
        {f"{EMBED}.completions": 2**31},
        f"{EMBED}.completions: 2147483648 is above 2147483647; use 2147483647 or less",
        {f"{EMBED}.completions": 2**31 - 1},
    ),
    "a limit below the request": Case(
        {f"{FRAUD}.memory_limit_gib": 1},
        f"{FRAUD}.memory_limit_gib: 1 is below memory_gib 2; raise it, lower memory_gib, or leave it out",
        {f"{FRAUD}.memory_limit_gib": 2},
    ),
    "a CPU limit below the default request": Case(
        {f"{SCORE}.cpu_limit": 0.5},
        f"{SCORE}.cpu_limit: 0.5 is below cpus 1; raise it, lower cpus, or leave it out",
        {f"{SCORE}.cpu_limit": 0.5, f"{SCORE}.cpus": 0.5},
    ),
    # Choices
    "two clusters": Case(
        {"cluster.existing": {"context": "on-prem"}},
        "cluster: local and existing exclude each other; give exactly one of local, existing, eks, gke, aks",
        {"cluster.existing": {"context": "on-prem"}, "cluster.local": REMOVED},
    ),
    "no cluster": Case(
        {"cluster": {}},
        "cluster: nothing is chosen; give exactly one of local, existing, eks, gke, aks",
        {"cluster": {"local": {}}},
    ),
    "no context": Case(
        {"cluster": {"existing": {}}},
        "cluster.existing.context: is missing; it is required",
        {"cluster": {"existing": {"context": "on-prem"}}},
    ),
    "replicas beside autoscaling": Case(
        {f"{ASSISTANT}.replicas": 1},
        f"{ASSISTANT}.replicas: is given beside autoscaling, which decides it; remove one of them",
        {f"{ASSISTANT}.replicas": 1, f"{ASSISTANT}.autoscaling": REMOVED},
    ),
    "a choice that there is not": Case(
        {"cluster.local.engine": "docker"},
        "cluster.local.engine: 'docker' is not a choice here; use 'auto', 'kind', 'host' or 'kwok'",
        {"cluster.local.engine": "kind"},
    ),
    # Texts with a form
    "a bad cron line": Case(
        {f"{SCORE}.schedule": "0 25 * * *"},
        f"{SCORE}.schedule: '25' in '0 25 * * *' is no hour; use 0 to 23, *, ranges a-b or steps */n",
        {f"{SCORE}.schedule": "0 23 * * *"},
    ),
    "a cron line of six fields": Case(
        {f"{SCORE}.schedule": "0 0 2 * * *"},
        f"{SCORE}.schedule: '0 0 2 * * *' is no cron line; write minute, hour, day, month and weekday, such as "
        '"0 2 * * *" for every night at two',
        {f"{SCORE}.schedule": "0 2 * * *"},
    ),
    "a cron line that never comes": Case(
        {f"{SCORE}.schedule": "0 0 30 2 *"},
        f"{SCORE}.schedule: '0 0 30 2 *' never comes; name a day that exists in one of its months",
        {f"{SCORE}.schedule": "0 0 29 2 *"},
    ),
    "an unknown time zone": Case(
        {f"{SCORE}.time_zone": "Europe/Berln"},
        f"{SCORE}.time_zone: 'Europe/Berln' is no time zone; did you mean Europe/Berlin?",
        {f"{SCORE}.time_zone": "Europe/Berlin"},
    ),
    "an image without a version": Case(
        {f"{CONTAINER}.image": "registry.example.org/fraud"},
        f"{CONTAINER}.image: 'registry.example.org/fraud' has no tag, which means latest; "
        "name a version, as pods of one workload would run different images",
        {f"{CONTAINER}.image": "registry.example.org/fraud:4"},
    ),
    "a port of root": Case(
        {f"{CONTAINER}.port": 80},
        f"{CONTAINER}.port: 80 is below 1024; use 1024 or more",
        {f"{CONTAINER}.port": 1024},
    ),
    "an address inside a range": Case(
        {"workspaces.chat.network.allow_egress[0].cidr": "10.20.0.7/16"},
        "workspaces.chat.network.allow_egress[0].cidr: '10.20.0.7/16' is an address inside a range; "
        "write 10.20.0.0/16, or /32 for one address",
        {"workspaces.chat.network.allow_egress[0].cidr": "10.20.0.7/32"},
    ),
}  # fmt: skip
