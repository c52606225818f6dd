"""What goes in and comes out, over HTTP and in files."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

PIXELS = 64
BRIGHTEST = 16
MAX_IMAGES = 1000
"""Images of one batch. The largest one takes about 0.1 s of one core, so that no request holds up the others."""

Pixel = Annotated[float, Field(ge=0, le=BRIGHTEST, allow_inf_nan=False)]
Image = Annotated[Sequence[Pixel], Field(min_length=PIXELS, max_length=PIXELS)]
"""8 by 8 pixels, row by row, from 0 (background) to 16."""
Digit = Annotated[int, Field(ge=0, le=9)]


class Batch(BaseModel):
    """Images to be recognized: the body of a request, and a line of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    images: Annotated[Sequence[Image], Field(min_length=1, max_length=MAX_IMAGES)]
    labels: Sequence[Digit] | None = None
    """The right digits, one for each image, where they are known: the answer then has the accuracy."""

    @model_validator(mode="after")
    def _as_many_labels_as_images(self) -> Self:
        if self.labels is not None and len(self.labels) != len(self.images):
            raise ValueError(f"{len(self.labels)} labels for {len(self.images)} images; give one for each, or none")
        return self


class ModelInfo(BaseModel):
    """Which model answered."""

    model_config = ConfigDict(frozen=True)

    version: str
    accuracy: float
    """Its share of right answers on images that it was not trained on."""


class Answer(BaseModel):
    """What the service answers to a batch."""

    model_config = ConfigDict(frozen=True)

    predictions: Sequence[int]
    accuracy: float | None = None
    """The share of `labels` that the predictions agree with. None without labels."""
    model: ModelInfo


def explain(error: ValidationError) -> str:
    """What is wrong with a batch, in one line and without repeating it: the first three faults and where they are."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [": ".join(filter(None, [".".join(map(str, fault["loc"])), fault["msg"]])) for fault in faults[:3]]
    if len(faults) > len(lines):
        lines.append(f"and {len(faults) - len(lines)} more")
    return "; ".join(lines)
