"""What makes one model different from another: the options of a training."""

from dataclasses import dataclass
from typing import Literal

Kernel = Literal["rbf", "linear", "poly", "sigmoid"]


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Of scikit-learn's SVC: https://scikit-learn.org/stable/modules/generated/sklearn.svm.SVC.html

    Attributes:
        kernel: how alike two images are.
        c: what a wrongly classified training image costs; the smaller, the simpler the model.
    """

    kernel: Kernel = "rbf"
    c: float = 10.0
