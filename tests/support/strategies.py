"""Stacks as a user might write them, for Hypothesis: mostly right, at the edges of what is allowed, and some wrong."""

import os
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st

Json = st.SearchStrategy[dict[str, Any]]

EXAMPLES_VARIABLE = "MODELYARD_EXAMPLES"
"""The environment variable that sets how many examples each property gets, in place of the few of `make test`."""

WORKSPACE, SECRET, CONFIG, VOLUME, ARTIFACT = "team", "token", "prompts", "models", "fit"
PRIORITY = "production"


def examples(few: int) -> settings:
    """Settings of a property: the same examples in every run, and as many as the environment asks for."""
    count = int(os.environ.get(EXAMPLES_VARIABLE, few))
    # Without a limit of time for one example: a machine with other work is no failure.
    # Hypothesis would explain a failure by tracing every line, which takes minutes here.
    phases = [phase for phase in Phase if phase is not Phase.explain]
    return settings(max_examples=count, derandomize=True, deadline=None, database=None, phases=phases)


def _merged(*parts: Json) -> Json:
    return st.tuples(*parts).map(lambda found: {key: value for part in found for key, value in part.items()})


_NOTHING: Json = st.builds(dict[str, Any])


def _all(**fields: st.SearchStrategy[Any]) -> Json:
    """A mapping with all of these keys."""
    return st.fixed_dictionaries(fields)


def _optional(**fields: st.SearchStrategy[Any]) -> Json:
    """A mapping with any of these keys."""
    return st.fixed_dictionaries({}, optional=fields)


def _mostly(right: st.SearchStrategy[Any], wrong: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One in 40 is wrong: a stack has some hundred values, and is to be right as a whole now and then."""
    return st.integers(0, 39).flatmap(lambda number: wrong if number == 39 else right)


_WRONG_NAMES = st.sampled_from(["", "A", "1a", "a_b", "a" * 41, "-", "ä", "same"])


def _names(first: str) -> st.SearchStrategy[str]:
    """Names that begin with a letter of their kind, as those of two kinds must differ."""
    return _mostly(st.from_regex(rf"{first}([a-z0-9-]{{0,12}}[a-z0-9])?", fullmatch=True), _WRONG_NAMES)


_ENV_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
_TEXTS = _mostly(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=40),
    st.text(min_size=1, max_size=5),
)
_WRONG_NUMBERS = st.sampled_from([-1, 0, 1e12, 2**31, "1", True])
_AMOUNTS = _mostly(
    st.one_of(st.floats(0.001, 3), st.integers(1, 3), st.sampled_from([0.0001, 1 / 3, 2.9999999])), _WRONG_NUMBERS
)
_SECONDS = _mostly(st.sampled_from([1, 59, 3600, 2**31 - 1]), _WRONG_NUMBERS)
_COUNTS = _mostly(st.integers(1, 3), _WRONG_NUMBERS)
_COUNTS_OR_ZERO = _mostly(st.integers(0, 5), _WRONG_NUMBERS)
_IMAGES = _mostly(
    st.sampled_from(["a:1", "registry.example.org/a/b:1.0.0", "localhost:5000/a@sha256:" + "0" * 64]),
    st.sampled_from(["a", "a:latest", "A:1", ":1"]),
)
_PATHS = _mostly(st.from_regex(r"/[!-~]{0,20}", fullmatch=True), st.just("path"))

POOLS: Json = st.fixed_dictionaries(
    {
        "system": st.just({"cpus": 32, "memory_gib": 128, "max_nodes": 8}),
        "l4": st.just({"accelerator": "l4", "max_nodes": 8}),
        "h100": st.just(
            {
                "accelerator": "h100",
                "gpus_per_node": 8,
                "max_nodes": 8,
                "taints": [{"key": "dedicated", "value": "ml", "effect": "NoExecute"}],
            }
        ),
    },
    optional={
        "other": _merged(
            st.sampled_from(
                [{"accelerator": "a100-80gb"}, {"machine_type": "g2-standard-4"}, {"cpus": 4, "memory_gib": 8}]
            ),
            _optional(min_nodes=_COUNTS_OR_ZERO, max_nodes=_COUNTS, gpus_per_node=_COUNTS),
        )
    },
)


def _placed(gpus: str) -> Json:
    """A pool with GPUs that it can give."""
    return _mostly(
        st.one_of(
            st.just({"pool": "system"}),
            st.just({"pool": "l4", gpus: 1}),
            st.sampled_from([1, 2, 4, 8]).map(lambda count: {"pool": "h100", gpus: count}),
        ),
        st.sampled_from([{"pool": "none"}, {"pool": "l4"}, {"pool": "system", gpus: 1}, {"pool": "h100", gpus: 3}]),
    )


_MOUNT_PATHS = _mostly(
    st.sampled_from(["/data", "/etc/prompts", "/data/deep"]), st.sampled_from(["/", "data", "/tmp/a"])
)
_FOLDERS = _mostly(st.sampled_from(["a", "a.b/2", "..c"]), st.sampled_from(["..", "/a", "a//b"]))
_MOUNTS = _merged(
    _all(path=_MOUNT_PATHS),
    _mostly(
        st.one_of(
            _merged(_all(volume=st.just(VOLUME)), _optional(folder=_FOLDERS, read_only=st.booleans())),
            _all(config=st.just(CONFIG)),
            _all(secret=st.just(SECRET)),
            _all(scratch=st.sampled_from(["shared", "own"])),
        ),
        st.sampled_from([{}, {"volume": "none"}, {"volume": VOLUME, "config": CONFIG}]),
    ),
)
_FURTHER = _merged(
    _all(image=_IMAGES, name=_mostly(st.sampled_from(["proxy", "fetch", "logs"]), st.sampled_from(["server", "A"]))),
    _optional(
        command=st.lists(_TEXTS, max_size=2),
        args=st.lists(_TEXTS, max_size=2),
        cpus=_mostly(st.sampled_from([0.001, 0.25, 1]), _WRONG_NUMBERS),
        memory_gib=_mostly(st.sampled_from([0.001, 1 / 3, 1]), _WRONG_NUMBERS),
        env=st.dictionaries(_ENV_NAMES, _TEXTS, max_size=2),
        env_from_secrets=st.sampled_from([{}, {"TOKEN_OF_A_SECRET": SECRET}]),
        mounts=st.lists(_MOUNTS, max_size=2, unique_by=lambda mount: mount["path"]),
        user_id=st.sampled_from([1, 2**31 - 1]),
    ),
)
_ASKED = _merged(
    _all(port=_mostly(st.sampled_from([7000, 7001]), st.sampled_from([80, 8080]))),
    _optional(ready_path=_PATHS, startup_timeout_seconds=st.sampled_from([5, 86400])),
)
_SIDECARS = _merged(_FURTHER, st.one_of(_NOTHING, _ASKED)).map(lambda each: {**each, "name": f"{each['name']}-2"})
_BESIDE = st.one_of(
    _all(init_containers=st.lists(_FURTHER, min_size=1, max_size=2, unique_by=lambda each: each["name"])),
    _all(sidecars=st.lists(_SIDECARS, min_size=1, max_size=2, unique_by=lambda each: each["name"])),
    _all(priority=_mostly(st.just(PRIORITY), st.just("none"))),
)
_WORKLOAD = _merged(
    st.one_of(_NOTHING, _BESIDE),
    st.one_of(_NOTHING, _optional(cpus=_AMOUNTS), st.just({"cpus": 0.5, "cpu_limit": 1.25})),
    st.one_of(_NOTHING, _optional(memory_gib=_AMOUNTS), st.just({"memory_gib": 1.5, "memory_limit_gib": 2})),
    _optional(
        env=st.dictionaries(_ENV_NAMES, _TEXTS, max_size=3),
        env_from_secrets=st.sampled_from([{}, {"TOKEN_OF_A_SECRET": SECRET}]),
        mounts=st.lists(_MOUNTS, max_size=3, unique_by=lambda mount: mount["path"]),
        user_id=_mostly(st.sampled_from([1, 1000, 2**31 - 1]), st.sampled_from([0, 2**31])),
        shared_memory_gib=st.just(0.25),
    ),
)
_TASK = _merged(
    st.fixed_dictionaries({"image": _IMAGES}),
    _optional(
        command=st.lists(_TEXTS, max_size=3),
        args=st.lists(_TEXTS, max_size=3),
        model=_mostly(st.just({"artifact": ARTIFACT}), st.just({"artifact": "none"})),
        artifact=_all(volume=_mostly(st.just(VOLUME), st.just("none")), folder=_FOLDERS),
        fatal_exit_codes=st.lists(_mostly(st.integers(1, 255), st.sampled_from([0, 256])), max_size=4),
        retries=_COUNTS_OR_ZERO,
        timeout_seconds=_SECONDS,
    ),
)
_JOB = _merged(
    _placed("gpus"),
    _WORKLOAD,
    _TASK,
    st.one_of(_NOTHING, st.just({"completions": 3, "parallelism": 2}), _optional(completions=_COUNTS)),
    _optional(indexed=st.booleans()),
)
BATCH_JOBS = _merged(_JOB, _optional(await_completion=st.booleans()))
SCHEDULED_JOBS = _merged(
    _JOB,
    st.fixed_dictionaries(
        {
            "schedule": _mostly(
                st.sampled_from(
                    ["* * * * *", "0 2 * * *", "*/5 8-18 * jan-mar mon,wed", "@hourly", "0 0 29 2 *", "? ? * * ?"]
                ),
                st.sampled_from(["", "0 25 * * *", "* * * *", "0 0 31 2 *", "@reboot"]),
            )
        },
        optional={
            "time_zone": _mostly(st.sampled_from(["Europe/Berlin", "UTC", "Etc/GMT+5"]), st.just("Mars/Olympus")),
            "concurrency": st.sampled_from(["forbid", "allow", "replace"]),
            "starting_deadline_seconds": _mostly(st.sampled_from([10, 2**31 - 1]), _WRONG_NUMBERS),
            "successful_jobs_kept": _COUNTS_OR_ZERO,
            "failed_jobs_kept": _COUNTS_OR_ZERO,
            "suspend": st.booleans(),
        },
    ),
)
TRAINING = _merged(_placed("gpus_per_node"), _WORKLOAD, _TASK, _optional(nodes=_COUNTS, await_completion=st.booleans()))

_PORTS = _mostly(st.sampled_from([1024, 8080, 65535]), st.sampled_from([80, 65536, 0]))
_CONTAINER = _merged(
    st.fixed_dictionaries({"image": _IMAGES, "port": _PORTS, "ready_path": _PATHS}),
    _optional(live_path=_PATHS, command=st.lists(_TEXTS, max_size=2), args=st.lists(_TEXTS, max_size=2)),
    st.one_of(_NOTHING, _all(metrics_path=_PATHS), _all(metrics_path=_PATHS, metrics_port=st.just(9090))),
)
_AUTOSCALING = _merged(
    _all(
        max_replicas=_COUNTS,
        target=st.sampled_from(
            [{"cpu_percent": 1}, {"memory_percent": 100}, {"cpu_percent": 70, "memory_percent": 80}]
        ),
    ),
    _optional(min_replicas=_mostly(st.just(1), _WRONG_NUMBERS)),
)
_HEADERS = _mostly(
    st.sampled_from([{"x-next": "1"}, {"a": "b", "c": "d"}]), st.sampled_from([{"a b": "1"}, {"a": "b c"}])
)
_PERCENTS = _mostly(st.sampled_from([0, 1, 33, 50]), st.sampled_from([-1, 101]))
_VARIANT = _optional(
    env=st.dictionaries(_ENV_NAMES, _TEXTS, max_size=2),
    memory_gib=_AMOUNTS,
    pool=_mostly(st.just("system"), st.just("none")),
)
_MATCHED = _optional(header=_HEADERS, cookie=_HEADERS)
_VERIFY = _merged(
    _all(requests=st.lists(_all(path=_PATHS), min_size=1, max_size=2)),
    _optional(timeout_seconds=_SECONDS, pool=st.just("system")),
)
_RELEASE = _merged(
    _mostly(
        st.one_of(
            _NOTHING,
            _all(canary=_merged(_VARIANT, _MATCHED, _optional(weight_percent=_PERCENTS, promote=st.booleans()))),
            _all(blue_green=_merged(_all(green=_VARIANT), _optional(live=st.sampled_from(["blue", "green"])))),
            _all(
                ab_test=_merged(
                    _all(
                        variants=st.dictionaries(
                            _mostly(st.sampled_from(["a", "b-2"]), st.sampled_from(["main", "B"])),
                            _merged(_VARIANT, _MATCHED, _all(weight_percent=_PERCENTS)),
                            min_size=1,
                        )
                    ),
                    _optional(sticky_seconds=st.sampled_from([1, 3600])),
                )
            ),
            _all(shadow=_merged(_VARIANT, _optional(percent=st.sampled_from([1, 100])))),
        ),
        st.just({"canary": {}, "shadow": {}}),
    ),
    _optional(verify=_VERIFY),
)
_ROUTED = st.one_of(
    _NOTHING,
    _merged(
        _all(
            route=_optional(
                path=_mostly(st.sampled_from(["/", "/a", "/a/b-2"]), st.sampled_from(["a", "/a/"])),
                strip_prefix=st.booleans(),
                timeout_seconds=_mostly(st.sampled_from([1, 86400]), st.just(0)),
            )
        ),
        _optional(release=_RELEASE),
    ),
)
_REPLICAS = st.one_of(_NOTHING, _all(replicas=_COUNTS), _all(autoscaling=_AUTOSCALING))
_SERVICE = _merged(
    _WORKLOAD,
    _REPLICAS,
    _ROUTED,
    _optional(
        startup_timeout_seconds=_mostly(st.sampled_from([5, 7, 86400]), _WRONG_NUMBERS),
        drain_seconds=_mostly(st.sampled_from([0, 1, 3600]), st.sampled_from([-1, 3601])),
        surge=st.sampled_from([0, 1, 2]),
    ),
)
_CACHES = _merged(_all(volume=_mostly(st.just(VOLUME), st.just("none"))), _optional(timeout_seconds=_SECONDS))
_MODELS = st.one_of(
    _merged(
        st.fixed_dictionaries(
            {"huggingface": st.just("a/b"), "revision": _mostly(st.just("a09a354"), st.just("main"))}
        ),
        _optional(cache=_CACHES),
    ),
    _merged(
        _all(uri=_mostly(st.sampled_from(["s3://models/a", "gs://models/a.b/2"]), st.just("s3://models"))),
        _optional(cache=_CACHES),
    ),
    _merged(_all(oci_image=_IMAGES), _optional(folder=_FOLDERS)),
    _all(mlflow=_merged(st.just({"tracking_uri": "http://mlflow:5000", "model": "a"}), _optional(version=_COUNTS))),
    _merged(_all(volume=_mostly(st.just(VOLUME), st.just("none"))), _optional(folder=_FOLDERS)),
)
_VLLM = _merged(
    _SERVICE,
    st.sampled_from([{"pool": "l4", "gpus": 1}, {"pool": "h100", "gpus": 2}, {"pool": "h100", "gpus": 8}]),
    st.fixed_dictionaries(
        {
            "model": st.one_of(
                _merged(
                    st.just({"huggingface": "Qwen/Qwen2.5-7B-Instruct"}),
                    _optional(revision=_TEXTS, token_secret=_mostly(st.just(SECRET), st.just("none"))),
                ),
                _MODELS,
            ),
            "runtime": st.fixed_dictionaries(
                {
                    "vllm": _optional(
                        max_model_len=_COUNTS,
                        served_model_name=_TEXTS,
                        extra_args=_mostly(st.lists(_TEXTS, max_size=2), st.just(["--port=1"])),
                        pipeline_parallel=st.just(1),
                    )
                }
            ),
        }
    ),
)
SERVICES = st.one_of(
    _VLLM,
    _merged(
        _placed("gpus"),
        _SERVICE,
        _all(runtime=_all(container=_CONTAINER)),
        st.one_of(
            _NOTHING, _all(model=_all(artifact=_mostly(st.just(ARTIFACT), st.just("none")))), _all(model=_MODELS)
        ),
    ),
)

_CIDRS = _mostly(
    st.sampled_from(["10.0.0.0/8", "0.0.0.0/0", "169.254.0.0/16", "::/0", "fd00::/8", "203.0.113.7/32"]),
    st.sampled_from(["10.0.0.1/8", "x", "10.0.0.0/33"]),
)
WORKSPACES = _merged(
    st.just({"secrets": {SECRET: {"from": "config/token"}}}),
    _all(
        config=st.dictionaries(
            st.just(CONFIG),
            _all(
                values=st.dictionaries(_mostly(st.sampled_from(["a", "A_b-c.txt"]), st.just("a/b")), _TEXTS, min_size=1)
            ),
            min_size=1,
        ),
        volumes=st.dictionaries(
            st.just(VOLUME), _merged(_all(size_gib=_AMOUNTS), _optional(shared=st.booleans())), min_size=1
        ),
    ),
    _optional(
        quota=_optional(gpus=_COUNTS_OR_ZERO, cpus=_AMOUNTS, memory_gib=_AMOUNTS),
        members=_optional(
            edit=st.lists(st.sampled_from(["group:a", "user:a b", "serviceaccount:ci/deployer"]), max_size=2),
            view=st.lists(_mostly(_TEXTS.map(lambda text: f"group:x{text}x"), _TEXTS), max_size=2),
        ),
        network=_optional(
            allow_internet=st.booleans(),
            allow_api_server=st.booleans(),
            allow_egress=st.lists(
                st.fixed_dictionaries(
                    {"cidr": _CIDRS, "ports": st.lists(st.integers(1, 65535), min_size=1, max_size=3)}
                ),
                max_size=3,
            ),
        ),
    ),
    st.fixed_dictionaries(
        {
            "services": st.dictionaries(_names("s"), SERVICES, min_size=1, max_size=2),
            "jobs": _merged(
                st.dictionaries(_names("j"), st.one_of(BATCH_JOBS, SCHEDULED_JOBS), min_size=1, max_size=2),
                st.just(
                    {
                        ARTIFACT: {
                            "pool": "system",
                            "image": "a:1",
                            "artifact": {"volume": VOLUME, "folder": ARTIFACT},
                            "await_completion": True,
                        }
                    }
                ),
            ),
            "training": st.dictionaries(_names("t"), TRAINING, max_size=1),
        }
    ),
)

STACKS: Json = st.fixed_dictionaries(
    {
        "cluster": st.just({"local": {"engine": "kwok"}}),
        "pools": POOLS,
        "platform": _merged(
            st.sampled_from([{"gateway": {}}, {"gateway": {"hostname": "models.example.org"}}]),
            st.just({"priorities": {PRIORITY: {"value": 1000}}}),
        ),
        "observability": st.just({"metrics": {}}),
        "workspaces": st.fixed_dictionaries({WORKSPACE: WORKSPACES}),
    }
)
"""Whole stacks on a local cluster, with one workspace."""

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=10),
        st.sampled_from(["l4", "secure", "config/a"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
"""Anything that JSON can hold."""
