import json
from pathlib import Path

import pytest

from digits.__main__ import main
from digits.artifact import load
from digits.data import load_data, samples
from digits.messages import Batch
from digits.scoring import SAMPLES


def test_the_samples_are_test_images_that_no_model_is_trained_on():
    kept = Batch.model_validate_json(SAMPLES.read_bytes())
    assert kept == samples()
    trained_on = {tuple(image) for image in load_data().train_images.tolist()}
    assert not trained_on & {tuple(image) for image in kept.images}
    assert kept.labels is not None
    assert [list(kept.labels).count(digit) for digit in range(10)] == [10] * 10


def test_the_samples_are_scored_into_a_file(artifact: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    output = tmp_path / "predictions.jsonl"
    assert main(["score", "--model", str(artifact), "--output", str(output)]) == 0
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    labels = json.loads(SAMPLES.read_text())["labels"]
    assert [(row["line"], row["image"]) for row in rows] == [(1, image) for image in range(100)]
    right = sum(row["prediction"] == label for row, label in zip(rows, labels, strict=True))
    assert right >= 95
    summary = {"images": 100, "labelled": 100, "accuracy": right / 100, "version": load(artifact).metrics.version}
    assert json.loads(capfd.readouterr().err.splitlines()[-1]) == summary
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.jsonl"]


def test_each_line_is_a_batch_with_labels_or_without(
    artifact: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    kept = json.loads(SAMPLES.read_text())
    lines = [{"images": kept["images"][:2]}, {"images": kept["images"][10:11], "labels": [2]}]
    source = tmp_path / "input.jsonl"
    source.write_text("\n\n".join(json.dumps(line) for line in lines))
    monkeypatch.setenv("MODEL_PATH", str(artifact))
    monkeypatch.delenv("ARTIFACT_PATH", raising=False)
    assert main(["score", "--input", str(source)]) == 0
    captured = capfd.readouterr()
    rows = [json.loads(line) for line in captured.out.splitlines()]
    assert [(row["line"], row["image"], row["prediction"]) for row in rows] == [(1, 0, 0), (1, 1, 0), (3, 0, 1)]
    summary = json.loads(captured.err.splitlines()[-1])
    assert (summary["images"], summary["labelled"], summary["accuracy"]) == (3, 1, 0.0)


def test_without_labels_no_accuracy_is_claimed(artifact: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    source = tmp_path / "input.jsonl"
    source.write_text(json.dumps({"images": [[0] * 64]}))
    assert main(["score", "--model", str(artifact), "--input", str(source), "--output", str(tmp_path / "out")]) == 0
    assert json.loads(capfd.readouterr().err.splitlines()[-1])["accuracy"] is None


def test_a_wrong_line_is_named_and_the_last_output_stays(
    artifact: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    source = tmp_path / "input.jsonl"
    source.write_text(json.dumps({"images": [[0] * 64]}) + "\n" + json.dumps({"images": [[17] * 64]}))
    monkeypatch.setenv("ARTIFACT_PATH", str(tmp_path))
    (tmp_path / "predictions.jsonl").write_text("yesterday's")
    assert main(["score", "--model", str(artifact), "--input", str(source)]) == 2
    assert f"{source}, line 2: images.0.0: " in capfd.readouterr().err
    assert (tmp_path / "predictions.jsonl").read_text() == "yesterday's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["input.jsonl", "predictions.jsonl"]


def test_a_file_or_a_model_that_is_not_there_is_said(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    missing = str(tmp_path / "missing")
    assert main(["score", "--model", str(artifact), "--input", missing]) == 2
    assert main(["score", "--model", missing]) == 1
    assert main(["score", "--model", str(artifact), "--output", f"{missing}/out"]) == 1
    assert capsys.readouterr().err.count("No such file or directory") == 3
