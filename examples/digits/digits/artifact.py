"""A trained model in a folder, written so that nobody ever reads half of it.

    metrics.json            which model is the current one, and how good it is
    model-<version>.skops   the model itself; the previous one stays beside it

Whoever reads begins with `metrics.json`, which is replaced last and in one step: the volume must be able to rename a
file over another. The format is skops and not pickle, because a pickle runs whatever it likes while it is loaded:
https://skops.readthedocs.io/en/stable/persistence.html
"""
# joblib and skops bring no type stubs:
# pyright: reportMissingTypeStubs=false

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol, cast

import joblib
import numpy as np
import skops.io
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from skops.io.exceptions import UntrustedTypesFoundException

from digits.files import replacing
from digits.messages import Answer, Batch, ModelInfo

METRICS_FILE = "metrics.json"
_VERSION_LENGTH = 12
_READ_ATTEMPTS = 5


class ArtifactError(Exception):
    """The folder has no model that can be used, or none can be written to it."""


class Classifier(Protocol):
    """What is asked of a model: scikit-learn's own interface, which is not typed."""

    def fit(self, images: NDArray[np.float64], labels: NDArray[np.int64], /) -> object:
        """Learn from images and the digits they show."""
        ...

    def predict(self, images: NDArray[np.float64], /) -> NDArray[np.int64]:
        """The digit that each row shows."""
        ...


class Metrics(BaseModel):
    """What is known about a trained model: the content of `metrics.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[str, Field(pattern=f"^[0-9a-f]{{{_VERSION_LENGTH}}}$")]
    """A hash of the model: the same data, parameters and library versions give the same one."""
    accuracy: float
    """Share of right answers on the test images."""
    train_images: int
    test_images: int
    parameters: Mapping[str, str | float]
    scikit_learn: str
    python: str

    @property
    def model_file(self) -> str:
        """The name of the file beside `metrics.json` that holds the model."""
        return f"model-{self.version}.skops"


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model that is ready to be used."""

    classifier: Classifier
    metrics: Metrics

    def answer(self, batch: Batch) -> Answer:
        """The digits that the images show. Takes the processor for up to 0.1 s."""
        predictions = self.classifier.predict(np.asarray(batch.images, dtype=np.float64))
        right = None if batch.labels is None else share_right(predictions, np.asarray(batch.labels))
        info = ModelInfo(version=self.metrics.version, accuracy=self.metrics.accuracy)
        return Answer(predictions=predictions.tolist(), accuracy=right, model=info)


def share_right(predictions: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """The accuracy: how many of the predictions are right, from 0 to 1."""
    return float(np.mean(np.equal(predictions, labels)))


def version_of(classifier: Classifier) -> str:
    """A hash of the parameters and of all that was learned, the same before a model is written and once it is read."""
    digest = joblib.hash(classifier, hash_name="sha1")  # pyright: ignore[reportUnknownMemberType]
    return str(digest)[:_VERSION_LENGTH]


def save(folder: Path, model: Model) -> None:
    """Make this model the folder's current one. Of the older ones only the last stays.

    Raises:
        ArtifactError: the folder cannot be written.
    """
    metrics = model.metrics
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Whoever has just read the previous metrics must still find the model they name.
        kept = {metrics.model_file, *_current_model_file(folder)}
        with replacing(folder / metrics.model_file) as file:
            skops.io.dump(model.classifier, file)
        with replacing(folder / METRICS_FILE) as file:
            file.write(metrics.model_dump_json(indent=2).encode() + b"\n")
        for path in folder.glob("model-*.skops"):
            if path.name not in kept:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise ArtifactError(f"no model can be written to {folder}: {error.strerror}") from error


def load(folder: Path) -> Model:
    """The folder's current model.

    Raises:
        ArtifactError: there is none, it is damaged, or it holds objects that are not known to be safe.
    """
    for _ in range(_READ_ATTEMPTS):
        metrics = _read_metrics(folder)
        try:
            return Model(classifier=_read_classifier(folder / metrics.model_file, metrics.version), metrics=metrics)
        except FileNotFoundError:
            continue  # two trainings have ended since the metrics were read
    raise ArtifactError(f"{folder / METRICS_FILE} names a model that is not there; train again")


def _current_model_file(folder: Path) -> list[str]:
    try:
        return [_read_metrics(folder).model_file]
    except ArtifactError:
        return []


def _read_metrics(folder: Path) -> Metrics:
    path = folder / METRICS_FILE
    try:
        return Metrics.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}; train a model into this folder") from error
    except ValidationError as error:
        raise ArtifactError(f"{path} is damaged or from another program; train again") from error


def _read_classifier(path: Path, version: str) -> Classifier:
    try:
        classifier = cast("Classifier", skops.io.load(path))
    except FileNotFoundError:
        raise
    except UntrustedTypesFoundException as error:
        raise ArtifactError(f"{path} is not loaded: {error}") from error
    except Exception as error:  # a damaged file fails in many ways inside skops and zipfile
        raise ArtifactError(f"{path} is damaged ({type(error).__name__}); train again") from error
    if version_of(classifier) != version:
        raise ArtifactError(f"{path} does not hold version {version}; train again")
    return classifier
