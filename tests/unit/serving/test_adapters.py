"""LoRA adapters: what is refused, and what servers get of them."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.batch.batch_job import BatchJob
from modelyard.batch.spec import BatchJobSpec
from modelyard.serving.adapter_spec import AdapterSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.runtimes.sglang import SglangSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.spec import load_json
from modelyard.workspace.place import Place, WrittenArtifact
from modelyard.workspace.spec import VolumeSpec, WorkspaceSpec
from modelyard.workspace.workload_spec import ArtifactSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import POOLS, bare_cluster
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, run
from tests.support.problems import problems_of
from tests.unit.serving.test_spec import OWN, VLLM, vllm

SQL = AdapterSpec(huggingface="acme/sql-lora")
LEGAL = AdapterSpec(volume="models", folder="legal/3")
TONE = AdapterSpec(artifact="tune")
SERVICE = replace(VLLM, adapters={"sql": SQL, "legal": LEGAL, "tone": TONE})
PLACE = Place(pools=POOLS, volumes=["models"], artifacts={"tune": WrittenArtifact(volume="tuned", is_awaited=True)})


def problems(spec: ModelServiceSpec, place: Place = PLACE) -> list[str]:
    return [str(each) for each in problems_of(spec, place)]


@pytest.mark.parametrize(
    "near",
    [
        SERVICE,
        replace(SERVICE, runtime=RuntimeSpec(sglang=SglangSpec())),
        replace(SERVICE, runtime=vllm(max_lora_rank=64)),
        replace(SERVICE, runtime=vllm(served_model_name="base")),
        replace(SERVICE, adapters={}),
    ],
)
def test_what_can_be_served_is_accepted(near: ModelServiceSpec) -> None:
    assert problems(near) == []


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (
            replace(OWN, adapters={"sql": SQL}),
            "adapters: have no effect with runtime container; use vllm or sglang",
        ),
        (
            replace(SERVICE, runtime=vllm(served_model_name="sql")),
            (
                "adapters.sql: sql is the name that clients ask for the model by; "
                "rename the adapter, or set served_model_name"
            ),
        ),
        (
            replace(VLLM, runtime=vllm(max_lora_rank=64)),
            "runtime.vllm.max_lora_rank: has a meaning with adapters only; leave it out, or add adapters",
        ),
        (
            replace(SERVICE, runtime=vllm(extra_args=["--lora-modules=a=b"])),
            "runtime.vllm.extra_args[0]: --lora-modules cannot be given as an argument; use the service's adapters",
        ),
        (
            replace(VLLM, adapters={"legal": replace(LEGAL, volume="lost")}),
            "adapters.legal.volume: 'lost' is no volume of this workspace; use one of models, or add it under volumes",
        ),
        (
            replace(VLLM, adapters={"tone": AdapterSpec(artifact="lost")}),
            "adapters.tone.artifact: 'lost' is no job of this workspace that writes an artifact; name one of tune",
        ),
        (
            replace(VLLM, adapters={"sql": replace(SQL, folder="a")}),
            "adapters.sql.folder: has a meaning with volume only; leave it out",
        ),
    ],
)
def test_what_cannot_be_served_is_refused(refused: ModelServiceSpec, message: str) -> None:
    assert problems(refused) == [message]


@pytest.mark.parametrize("sources", [{}, {"huggingface": "a/b", "volume": "models"}])
def test_an_adapter_has_one_source(sources: dict[str, str]) -> None:
    [message] = problems(replace(VLLM, adapters={"sql": AdapterSpec(**sources)}))
    assert message.startswith("adapters.sql:")
    assert "huggingface" in message


def test_a_volume_of_one_node_is_refused_under_several_pods() -> None:
    alone = replace(PLACE, unshared_volumes=["models", "tuned"])
    spec = replace(SERVICE, replicas=2)
    assert [each.partition(":")[0] for each in problems(spec, alone)] == [
        "adapters.legal.volume",
        "adapters.tone.artifact",
    ]
    assert problems(replace(SERVICE, replicas=1, surge=0), alone) == []


def test_yaml_says_the_same() -> None:
    text = """{"pool": "l4", "gpus": 1, "model": {"huggingface": "Qwen/Qwen2.5-7B-Instruct"}, "runtime": {"vllm": {}},
        "adapters": {"sql": {"huggingface": "acme/sql-lora"}, "legal": {"volume": "models", "folder": "legal/3"}}}"""
    assert load_json(ModelServiceSpec, text) == replace(VLLM, adapters={"sql": SQL, "legal": LEGAL})


def made(spec: ModelServiceSpec = SERVICE) -> Recorded:
    shared = VolumeSpec(size_gib=1, shared=True, storage_class="files")
    workspace = WorkspaceSpec(volumes={"models": shared, "tuned": shared})

    def program() -> None:
        home = Workspace("chat", bare_cluster(), workspace)
        job = BatchJobSpec(
            pool="system",
            image="registry.example.org/tune:1",
            artifact=ArtifactSpec(volume="tuned", folder="out"),
            await_completion=True,
        )
        BatchJob("tune", home, job)
        ModelService("assistant", home, spec)

    return run(program)


def template(recorded: Recorded) -> dict[str, Any]:
    return recorded.one("Deployment").inputs["spec"]["template"]


def test_vllm_serves_them_under_their_names() -> None:
    [server] = template(made())["spec"]["containers"]
    assert server["args"][:7] == [
        "Qwen/Qwen2.5-7B-Instruct",
        "--enable-lora",
        "--max-loras=3",
        "--lora-modules",
        "sql=acme/sql-lora",
        "legal=/adapters/legal",
        "tone=/adapters/tone",
    ]


def test_vllm_mixes_at_most_eight_in_a_batch() -> None:
    many = {f"a{number}": SQL for number in range(9)}
    [server] = template(made(replace(VLLM, adapters=many, runtime=vllm(max_lora_rank=64))))["spec"]["containers"]
    assert {"--max-loras=8", "--max-lora-rank=64"} <= {*server["args"]}


def test_sglang_serves_them_under_their_names() -> None:
    [server] = template(made(replace(SERVICE, runtime=RuntimeSpec(sglang=SglangSpec()))))["spec"]["containers"]
    assert server["args"][:4] == [
        "--lora-paths",
        "sql=acme/sql-lora",
        "legal=/adapters/legal",
        "tone=/adapters/tone",
    ]


def test_without_adapters_a_server_hears_nothing_of_them() -> None:
    [server] = template(made(VLLM))["spec"]["containers"]
    assert not [each for each in server["args"] if "lora" in each]


def test_those_on_volumes_are_folders_that_it_can_only_read() -> None:
    [server] = template(made())["spec"]["containers"]
    mounts = {each["mountPath"]: each for each in server["volumeMounts"] if each["mountPath"].startswith("/adapters")}
    assert {path: (each["subPath"], each["readOnly"]) for path, each in mounts.items()} == {
        "/adapters/legal": ("legal/3", True),
        "/adapters/tone": ("out", True),
    }


def test_a_job_that_has_run_again_rolls_the_service() -> None:
    annotations = template(made())["metadata"]["annotations"]
    assert annotations["modelyard.dev/folder-run.tone"] == f"chat-tune{AUTO_NAME_SUFFIX}"
    assert not [key for key in annotations if key.endswith((".sql", ".legal"))]


def test_the_model_may_be_one_that_a_job_has_made_too() -> None:
    spec = replace(SERVICE, model=ModelSpec(artifact="tune"))
    annotations = template(made(spec))["metadata"]["annotations"]
    assert {"modelyard.dev/model-run", "modelyard.dev/folder-run.tone"} <= annotations.keys()
