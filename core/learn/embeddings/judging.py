"""What an embedding is worth: a logistic regression, or its nearest neighbours, name what each thing is.

Conventions
-----------
* Embeddings are standardised by the training part's mean and deviation before either looks at them.
* Nothing is chosen: the regression's strength is sklearn's usual, neighbours are `NEIGHBOURS`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.learn.figures import confusion, with_interval

Rows = NDArray[np.floating]
Labels = NDArray[np.int64]

NEIGHBOURS = 15


def standardised(learnt: Rows, asked: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both, each number with mean 0 and deviation 1 over the first."""
    mean, spread = learnt.mean(0, dtype=np.float64), np.maximum(learnt.std(0, dtype=np.float64), 1e-8)
    return (learnt - mean) / spread, (asked - mean) / spread


def regression(learnt: Rows, label: Labels, asked: Rows, strength: float = 1.0) -> NDArray[np.float64]:
    """Chances by a multinomial logistic regression [shape=(asked, labels)]."""
    from sklearn.linear_model import LogisticRegression

    first, second = standardised(learnt, asked)
    model = LogisticRegression(C=strength, max_iter=2000).fit(first, label)
    chances = np.zeros((len(second), int(label.max()) + 1))
    chances[:, model.classes_] = model.predict_proba(second)
    return chances


def neighbours(learnt: Rows, label: Labels, asked: Rows, count: int = NEIGHBOURS) -> Labels:
    """The commonest label among the nearest by cosine, the nearer first where two are as common."""
    first, second = standardised(learnt, asked)
    first = first / np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)
    likeness = second @ first.T
    count = min(count, len(first))
    near = np.argsort(-likeness, axis=1, kind="stable")[:, :count]
    votes = np.zeros((len(second), int(label.max()) + 1))
    weight = 1 + 1e-3 * np.arange(count, 0, -1)
    for place, voters in enumerate(near):
        np.add.at(votes[place], label[voters], weight)
    return votes.argmax(1)


def row_of(chances: NDArray[np.float64], label: Labels, work: NDArray[Any]) -> dict[str, Any]:
    """A row of the table s2."""
    guessed = chances.argmax(1)
    return with_interval(guessed, label, work) | {"confusion": confusion(guessed, label, chances.shape[1])}
