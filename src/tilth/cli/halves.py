"""The table of the story, cut into two halves: one is rented out, one is given away."""

import csv
import os
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tilth.vault import PrivateTable, Schema, table_from_csv

LABEL: Final = "diagnosis"
_SHUFFLE: Final = 7


@dataclass(frozen=True, slots=True)
class Halves:
    """Both as CSV, as their owners have them."""

    private: bytes
    public: bytes
    source: str
    rows: int
    columns: int


def breast_cancer() -> Halves:
    """The Wisconsin table that comes with scikit-learn; raises ImportError without it."""
    from sklearn.datasets import load_breast_cancer

    data: Any = load_breast_cancer()
    names = [*map(str, data.feature_names), LABEL]
    rows = [
        [*(repr(float(cell)) for cell in cells), str(data.target_names[target])]
        for cells, target in zip(data.data, data.target, strict=True)
    ]
    order = np.random.default_rng(_SHUFFLE).permutation(len(rows))
    mixed = [rows[at] for at in order]
    middle = len(rows) // 2
    return Halves(
        private=_csv(names, mixed[:middle]),
        public=_csv(names, mixed[middle:]),
        source="The Wisconsin breast-cancer table",
        rows=len(rows),
        columns=len(names),
    )


class Examination:
    """Public rows as a model sees them: scaled by the bounds that the private table declares."""

    def __init__(self, public: bytes, schema: Schema) -> None:
        self._rows, self._labels = _scaled(public, schema)

    @property
    def count(self) -> int:
        return len(self._labels)

    def accuracy(self, model: bytes) -> float:
        """The share of rows an ONNX model gets right, run by plain ONNX Runtime."""
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        outputs: Any = session.run(None, {session.get_inputs()[0].name: self._rows})
        return float((outputs[0].argmax(axis=1) == self._labels).mean())

    def accuracy_without_privacy(self, private: bytes, schema: Schema) -> float:
        """What logistic regression reaches that sees the private rows without noise or limit."""
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(max_iter=5_000).fit(*_scaled(private, schema))
        return float(fitted.score(self._rows, self._labels))


def _scaled(data: bytes, schema: Schema) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    table = PrivateTable(table_from_csv(data, schema))
    return table.batch(np.arange(table.count))


def _csv(names: list[str], rows: list[list[str]]) -> bytes:
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([names, *rows])
    return text.getvalue().encode()
