"""Training: from data to a model in a folder."""
# scikit-learn brings no type stubs:
# pyright: reportMissingTypeStubs=false

import platform
from dataclasses import asdict
from pathlib import Path
from typing import cast

import sklearn
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from digits.artifact import Classifier, Metrics, Model, save, share_right, version_of
from digits.data import Data, load_data
from digits.parameters import Parameters


class NotGoodEnoughError(Exception):
    """A model came out, but a worse one than was asked for."""


def train(artifact: Path, parameters: Parameters, *, min_accuracy: float) -> Metrics:
    """Train a model, measure it on images it has not seen, and make it the artifact's current one.

    Raises:
        NotGoodEnoughError: its accuracy is below `min_accuracy`; the artifact is as it was.
        ArtifactError: the artifact cannot be written.
    """
    model = _fit(load_data(), parameters)
    accuracy = model.metrics.accuracy
    if accuracy < min_accuracy:
        raise NotGoodEnoughError(f"accuracy {accuracy:.4f} is below {min_accuracy}; the artifact is left as it was")
    save(artifact, model)
    return model.metrics


def _fit(data: Data, parameters: Parameters) -> Model:
    steps = [("scale", StandardScaler()), ("classify", SVC(kernel=parameters.kernel, C=parameters.c))]
    classifier = cast("Classifier", Pipeline(steps))
    classifier.fit(data.train_images, data.train_labels)
    metrics = Metrics(
        version=version_of(classifier),
        accuracy=share_right(classifier.predict(data.test_images), data.test_labels),
        train_images=len(data.train_images),
        test_images=len(data.test_images),
        parameters=asdict(parameters),
        scikit_learn=sklearn.__version__,
        python=platform.python_version(),
    )
    return Model(classifier=classifier, metrics=metrics)
