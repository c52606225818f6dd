"""The program that downloads models, run as a local process against stand-ins for the programs that it calls."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

PROGRAM = files("modelyard.serving").joinpath("fetch_model.sh").read_text()
KEY = "qwen-1"
MARKER = ".modelyard-model"

RCLONE = """#!/bin/sh
# copies what the folder STORE has, slowly where SLOW is set, and leaves alone what is there
for to; do from=$remote; remote=$to; done
echo "$from" >> "$LOG"
cd "$STORE"
for file in *; do
  [ -e "$to/$file" ] && continue
  echo "copies $file" >> "$LOG"
  [ -z "${SLOW:-}" ] || sleep "$SLOW"
  cp "$file" "$to/.$file.partial"
  mv "$to/.$file.partial" "$to/$file"
done
exit ${FAIL:-0}
"""
MLFLOW = """#!/bin/sh
echo "$@" >> "$LOG"
for to; do :; done
echo model > "$to/MLmodel"
"""
HUB = """
import hashlib, os, pathlib, shutil
from types import SimpleNamespace as Named

STORE = pathlib.Path(os.environ["STORE"])


class HfApi:
    def model_info(self, name, *, revision, files_metadata):
        def sibling(path):
            content = path.read_bytes()
            blob = hashlib.sha1(b"blob %d\\0" % len(content) + content).hexdigest()
            large = path.suffix == ".safetensors"
            lfs = Named(sha256=hashlib.sha256(content).hexdigest()) if large else None
            return Named(rfilename=path.name, blob_id=None if large else blob, lfs=lfs)

        return Named(sha=f"{revision or 'newest'}-whole", siblings=[sibling(path) for path in sorted(STORE.iterdir())])


def snapshot_download(name, *, revision, local_dir):
    with open(os.environ["LOG"], "a") as log:
        print(name, revision, file=log)
    (local_dir / ".cache").mkdir(exist_ok=True)
    for path in STORE.iterdir():
        if not (local_dir / path.name).exists():
            shutil.copy(path, local_dir)
    damaged = os.environ.get("DAMAGED")
    if damaged:
        (local_dir / damaged).write_text("!")
"""


class World:
    """A folder with a store, a volume and programs."""

    def __init__(self, root: Path) -> None:
        self.store, self.volume, programs = root / "store", root / "volume" / "model-cache", root / "bin"
        self.log = root / "log"
        self.final, self.part = self.volume / KEY, self.volume / f".{KEY}.part"
        for folder in (self.store, programs):
            folder.mkdir()
        for name, text in {"rclone": RCLONE, "mlflow": MLFLOW}.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        (programs / "huggingface_hub.py").write_text(HUB)
        self.put("config.json", "{}")
        self.put("model.safetensors", "weights")
        self._env = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(programs),
            "STORE": str(self.store),
            "LOG": str(self.log),
            "MODEL_FILES": str(self.volume),
            "MODEL_KEY": KEY,
        }

    def put(self, name: str, text: str) -> None:
        (self.store / name).write_text(text)

    def start(self, kind: str, source: str, **env: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["sh", "-c", PROGRAM],
            env={**self._env, "MODEL_KIND": kind, "MODEL_SOURCE": source, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, kind: str = "object_store", source: str = "s3://models/qwen", **env: str) -> tuple[int, str]:
        process = self.start(kind, source, **env)
        said, _ = process.communicate(timeout=60)
        return process.returncode, said

    @property
    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def copied(self) -> list[str]:
        return [line.removeprefix("copies ") for line in self.asked if line.startswith("copies ")]

    def files(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.final.iterdir() if path.name != MARKER}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


WHOLE = {"config.json": "{}", "model.safetensors": "weights"}


@pytest.mark.parametrize(
    ("source", "remote"),
    [
        ("s3://models/qwen/7b", ":s3,env_auth=true:models/qwen/7b"),
        ("gs://models/qwen", ":gcs,env_auth=true:models/qwen"),
        ("https://acct.blob.core.windows.net/objects/q/7b", ":azureblob,env_auth=true,account=acct:objects/q/7b"),
    ],
)
def test_stores_are_asked_with_the_rights_of_the_pod(world: World, source: str, remote: str) -> None:
    assert world.run(source=source) == (0, f"{KEY} is complete\n")
    assert world.asked[0] == remote
    assert world.files() == WHOLE


def test_a_place_that_is_no_store_ends_it(world: World) -> None:
    code, said = world.run(source="ftp://models")
    assert (code, said) == (1, "ftp://models is no store that is known\n")
    assert not world.final.exists()


def test_what_is_there_is_left_as_it_is(world: World) -> None:
    world.run()
    world.put("config.json", "other")
    assert world.run() == (0, f"{KEY} is there\n")
    assert world.files() == WHOLE
    assert world.copied() == ["config.json", "model.safetensors"]


def test_one_that_was_killed_halfway_leaves_no_model_and_the_next_goes_on(world: World) -> None:
    process = world.start("object_store", "s3://models/qwen", SLOW="1")
    _wait_until(lambda: (world.part / "config.json").exists())
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not world.final.exists()
    assert world.run()[0] == 0
    assert world.files() == WHOLE
    assert world.copied().count("config.json") == 1
    assert not world.part.exists()


def test_one_whose_download_fails_leaves_no_model(world: World) -> None:
    code, _ = world.run(FAIL="3")
    assert code == 3
    assert not world.final.exists()
    assert world.run()[0] == 0


def test_nothing_is_no_model(world: World) -> None:
    code, said = world.run("mlflow", "models:/fraud/3", PATH=f"{_without_files(world)}:{os.environ['PATH']}")
    assert code == 1
    assert "nothing is at models:/fraud/3" in said
    assert not world.final.exists()


def test_two_at_once_download_once(world: World) -> None:
    first, second = (world.start("object_store", "s3://models/qwen", SLOW="0.5") for _ in range(2))
    said = sorted(each.communicate(timeout=60)[0] for each in (first, second))
    assert said == [f"{KEY} is complete\n", f"{KEY} is there\n"]
    assert world.copied() == ["config.json", "model.safetensors"]


def test_an_empty_folder_that_a_pod_left_is_taken(world: World) -> None:
    world.final.mkdir(parents=True)
    assert world.run()[0] == 0
    assert world.files() == WHOLE


def test_a_folder_with_files_of_others_is_left_alone(world: World) -> None:
    world.final.mkdir(parents=True)
    (world.final / "notes").write_text("mine")
    code, said = world.run()
    assert code == 1
    assert "has files that are not from here" in said
    assert world.files() == {"notes": "mine"}


class TestHuggingFace:
    def test_it_takes_one_commit_and_checks_every_file(self, world: World) -> None:
        assert world.run("huggingface", "Qwen/Qwen3-8B", MODEL_REVISION="9c925d64") == (0, f"{KEY} is complete\n")
        assert world.asked == ["Qwen/Qwen3-8B 9c925d64-whole"]
        assert world.files() == WHOLE
        assert (world.final / MARKER).read_text() == "Qwen/Qwen3-8B 9c925d64\n"

    def test_without_a_revision_it_takes_the_newest(self, world: World) -> None:
        assert world.run("huggingface", "Qwen/Qwen3-8B", MODEL_REVISION="")[0] == 0
        assert world.asked == ["Qwen/Qwen3-8B newest-whole"]

    @pytest.mark.parametrize("damaged", ["config.json", "model.safetensors"])
    def test_a_damaged_file_is_fetched_again_by_the_next(self, world: World, damaged: str) -> None:
        code, said = world.run("huggingface", "Qwen/Qwen3-8B", MODEL_REVISION="9c925d64", DAMAGED=damaged)
        assert code == 1
        assert f"not what Qwen/Qwen3-8B has at 9c925d64-whole, and removed: {damaged}" in said
        assert not world.final.exists()
        assert world.run("huggingface", "Qwen/Qwen3-8B", MODEL_REVISION="9c925d64")[0] == 0
        assert world.files() == WHOLE


def test_mlflow_begins_anew(world: World) -> None:
    world.part.mkdir(parents=True)
    (world.part / "old").write_text("of a run before")
    assert world.run("mlflow", "models:/fraud/3")[0] == 0
    assert world.asked == [f"artifacts download --artifact-uri models:/fraud/3 --dst-path {world.part}"]
    assert world.files() == {"MLmodel": "model\n"}


def test_others_may_read_what_it_leaves(world: World) -> None:
    world.run()
    assert world.final.stat().st_mode & 0o055 == 0o055
    assert (world.final / "config.json").stat().st_mode & 0o044 == 0o044


def _without_files(world: World) -> Path:
    """A folder with a program that downloads nothing."""
    folder = world.store.parent / "nothing"
    folder.mkdir()
    (folder / "mlflow").write_text("#!/bin/sh\n")
    (folder / "mlflow").chmod(0o755)
    return folder


def _wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it never happened")
