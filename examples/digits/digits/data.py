"""The data: which images a model is trained on, and which it is measured on.

scikit-learn brings them along: 1,797 digits of 8 by 8 pixels, the test set of "Optical Recognition of Handwritten
Digits" by E. Alpaydin and C. Kaynak: https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits
A model of your own reads its data here.
"""
# scikit-learn brings no type stubs:
# pyright: reportMissingTypeStubs=false

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split  # pyright: ignore[reportUnknownVariableType]

from digits.messages import Batch

TEST_SHARE = 0.25
SPLIT_SEED = 0
"""Never changed: a model trained on another split has seen images that the older ones are measured on."""
_SAMPLES_PER_DIGIT = 10

Images = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Data:
    """Images, one to a row, and the digits they show.

    Attributes:
        train_images: what a model learns from.
        test_images: what it is measured on, never trained on.
    """

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels


def load_data() -> Data:
    """All images, split the same way every time, each digit with the same share in both parts."""
    images, labels = cast("tuple[Images, Labels]", load_digits(return_X_y=True))
    train_images, test_images, train_labels, test_labels = cast(
        "tuple[Images, Images, Labels, Labels]",
        train_test_split(images, labels, test_size=TEST_SHARE, random_state=SPLIT_SEED, stratify=labels),
    )
    return Data(train_images=train_images, train_labels=train_labels, test_images=test_images, test_labels=test_labels)


def samples() -> Batch:
    """The first ten test images of each digit: what `samples.json` holds."""
    data = load_data()
    rows = [int(row) for digit in range(10) for row in np.flatnonzero(data.test_labels == digit)[:_SAMPLES_PER_DIGIT]]
    return Batch(images=data.test_images[rows].tolist(), labels=data.test_labels[rows].tolist())
