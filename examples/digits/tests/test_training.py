import json
import subprocess
import sys
from pathlib import Path

import pytest

from digits.__main__ import main
from digits.artifact import load
from process import ROOT


def test_a_model_comes_out_that_is_right_97_times_in_a_hundred(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", "--artifact", str(tmp_path / "new")]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    metrics = json.loads(printed)
    assert metrics == json.loads((tmp_path / "new" / "metrics.json").read_text())
    assert metrics["accuracy"] > 0.97
    assert (metrics["train_images"], metrics["test_images"]) == (1347, 450)
    assert metrics["parameters"] == {"kernel": "rbf", "c": 10.0}
    assert load(tmp_path / "new").metrics.version == metrics["version"]


def test_the_same_training_gives_the_same_version_in_another_process(artifact: Path, tmp_path: Path):
    command = [sys.executable, "-m", "digits", "train", "--artifact", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert load(tmp_path).metrics == load(artifact).metrics


@pytest.mark.parametrize("option", [["--kernel", "linear"], ["--c", "9.99"]])
def test_another_option_gives_another_version(option: list[str], artifact: Path, tmp_path: Path):
    assert main(["train", "--artifact", str(tmp_path), *option]) == 0
    assert load(tmp_path).metrics.version != load(artifact).metrics.version
    assert load(tmp_path).metrics.accuracy > 0.95


def test_a_model_that_is_not_good_enough_replaces_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    main(["train", "--artifact", str(tmp_path)])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(["train", "--artifact", str(tmp_path), "--kernel", "sigmoid", "--c", "0.001"]) == 3
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert "is below 0.9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"), [([], "accuracy 0.98"), (["--min-accuracy", "1"], "accuracy 0.9822 is below 1.0")]
)
def test_the_accuracy_is_the_containers_last_word(options: list[str], message: str, tmp_path: Path):
    log = tmp_path / "termination-log"
    log.write_text("of an earlier run, and longer than what comes now" * 3)
    main(["train", "--artifact", str(tmp_path / "model"), "--termination-log", str(log), *options])
    assert log.read_text().startswith(message)
    assert "earlier" not in log.read_text()


def test_outside_a_pod_no_termination_log_is_made(tmp_path: Path):
    log = tmp_path / "termination-log"
    assert main(["train", "--artifact", str(tmp_path / "model"), "--termination-log", str(log)]) == 0
    assert not log.exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--kernel", "cubic"],
        ["--c", "0"],
        ["--c", "nan"],
        ["--c", "inf"],
        ["--c", "much"],
        ["--min-accuracy", "1.01"],
        ["--epochs", "3"],
    ],
)
def test_a_wrong_argument_ends_with_2(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["train", "--artifact", str(tmp_path), *options])
    assert caught.value.code == 2
    assert options[0] in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_artifact_folder_must_be_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("ARTIFACT_PATH", raising=False)
    with pytest.raises(SystemExit) as caught:
        main(["train"])
    assert caught.value.code == 2
    monkeypatch.setenv("ARTIFACT_PATH", str(tmp_path))
    assert main(["train"]) == 0
    assert (tmp_path / "metrics.json").exists()


def test_a_folder_that_cannot_be_written_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").touch()
    assert main(["train", "--artifact", str(tmp_path / "file" / "model")]) == 1
    assert "Not a directory" in capsys.readouterr().err
