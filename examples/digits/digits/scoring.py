"""Scoring: a model's predictions for a file."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ValidationError

from digits.artifact import Model
from digits.files import replacing
from digits.messages import Batch, explain

SAMPLES = Path(__file__).resolve().parent.parent / "samples.json"
"""A hundred digits with labels, from the test images."""


class InputError(Exception):
    """The input cannot be read, or is not what it should be."""


class Prediction(BaseModel):
    """A line of the output."""

    line: int
    """Of the input, counted from 1."""
    image: int
    """Within that line, counted from 0."""
    prediction: int


class Summary(BaseModel):
    """What a run has done."""

    images: int
    labelled: int
    accuracy: float | None
    """Over the images with labels. None where there are none."""
    version: str


@dataclass(kw_only=True)
class _Tally:
    images: int = 0
    labelled: int = 0
    right: int = 0

    def add(self, batch: Batch, predictions: list[int]) -> None:
        self.images += len(predictions)
        if batch.labels is not None:
            self.labelled += len(predictions)
            self.right += sum(a == b for a, b in zip(batch.labels, predictions, strict=True))


def score(model: Model, source: Path, output: Path | None) -> Summary:
    """Write one line a prediction to the output, a file that appears complete or not at all; None is standard output.

    The source has a batch on each line, as a request to the service would have it.

    Raises:
        InputError: the source cannot be read, or a line of it is wrong.
        OSError: the output cannot be written.
    """
    tally = _Tally()
    with _open_output(output) as file:
        for number, batch in _batches(source):
            predictions = list(model.answer(batch).predictions)
            tally.add(batch, predictions)
            for image, prediction in enumerate(predictions):
                line = Prediction(line=number, image=image, prediction=prediction)
                file.write(line.model_dump_json().encode() + b"\n")
    return Summary(
        images=tally.images,
        labelled=tally.labelled,
        accuracy=tally.right / tally.labelled if tally.labelled else None,
        version=model.metrics.version,
    )


def _batches(source: Path) -> Iterator[tuple[int, Batch]]:
    try:
        with source.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _batch(line, f"{source}, line {number}")
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from error


def _batch(line: bytes, where: str) -> Batch:
    try:
        return Batch.model_validate_json(line)
    except ValidationError as error:
        raise InputError(f"{where}: {explain(error)}") from error


def _open_output(output: Path | None) -> contextlib.AbstractContextManager[BinaryIO]:
    return replacing(output) if output else contextlib.nullcontext(sys.stdout.buffer)
