import itertools
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import skops.io  # pyright: ignore[reportMissingTypeStubs]

from digits.artifact import ArtifactError, load, save
from digits.files import replacing
from digits.parameters import Parameters
from digits.training import train


def _train(folder: Path, c: float) -> str:
    return train(folder, Parameters(c=c), min_accuracy=0).version


def test_a_reader_during_trainings_always_finds_a_whole_model(tmp_path: Path):
    versions = [_train(tmp_path / str(c), c) for c in (1, 2, 3)]
    models = [load(tmp_path / str(c)) for c in (1, 2, 3)]
    save(tmp_path, models[0])
    stop = threading.Event()

    def replace_again_and_again() -> None:
        for model in itertools.cycle(models):
            if stop.is_set():
                return
            save(tmp_path, model)

    writer = threading.Thread(target=replace_again_and_again, daemon=True)
    writer.start()
    try:
        seen = [load(tmp_path).metrics.version for _ in range(200)]
    finally:
        stop.set()
        writer.join()
    assert set(seen) == set(versions)


def test_only_the_current_model_and_the_one_before_stay(tmp_path: Path):
    versions = [_train(tmp_path, c) for c in (1, 2, 3)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["metrics.json", *(f"model-{version}.skops" for version in versions[1:])]
    )


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path):
    (tmp_path / "file").write_text("before")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "file") as file:  # noqa: PT012 (the block is the write)
        file.write(b"half")
        raise KeyboardInterrupt
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "before")]


def test_any_user_may_read_a_model(tmp_path: Path):
    _train(tmp_path, 1)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}


def _model_file(folder: Path) -> Path:
    return folder / load(folder).metrics.model_file


def _remove_metrics(folder: Path) -> None:
    (folder / "metrics.json").unlink()


def _garble_metrics(folder: Path) -> None:
    (folder / "metrics.json").write_text("{}")


def _remove_model(folder: Path) -> None:
    _model_file(folder).unlink()


def _cut(folder: Path) -> None:
    path = _model_file(folder)
    path.write_bytes(path.read_bytes()[:-100])


def _swap(folder: Path) -> None:
    path = _model_file(folder)
    _train(folder / "other", 2)
    path.write_bytes(_model_file(folder / "other").read_bytes())


def _insert_a_command(folder: Path) -> None:
    skops.io.dump(threading.Barrier, _model_file(folder))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_remove_metrics, "cannot be read: No such file"),
        (_garble_metrics, "damaged or from another program"),
        (_remove_model, "names a model that is not there"),
        (_cut, "is damaged"),
        (_swap, "does not hold version"),
        (_insert_a_command, "threading.Barrier"),
    ],
)
def test_a_folder_without_a_usable_model_is_refused(damage: Callable[[Path], object], message: str, tmp_path: Path):
    version = _train(tmp_path, 1)
    damage(tmp_path)
    with pytest.raises(ArtifactError, match=message):
        load(tmp_path)
    assert _train(tmp_path, 1) == version, "training mends it"
    load(tmp_path)
