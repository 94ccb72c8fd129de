"""Graphs that carry rows out, each beside its success where the file is simply run."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
from onnx import helper

from tilth.engine import Engine, Limits, MapSpec, Reason, Refused, TrainSpec, confinement, linear

pytestmark = pytest.mark.skipif(
    not confinement().sufficient, reason="this kernel offers no Landlock or no seccomp"
)

node = helper.make_node
Rows = npt.NDArray[np.float32]
ROWS: Rows = np.random.default_rng(5).uniform(-1, 1, (64, 6)).astype(np.float32)
MAP = MapSpec(clip_micro=1_000_000, noise_multiplier_milli=1_000)
TRAIN = TrainSpec(
    loss="mean_squared_error",
    steps=1,
    learning_rate_micro=1,
    clip_micro=1_000_000,
    noise_multiplier_milli=1_000,
)


class Table:
    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.count, self.features = rows.shape

    def batch(self, indices: npt.NDArray[np.int64]) -> tuple[Rows, Rows]:
        return self.rows[indices], np.zeros((len(indices), 1), np.float32)


def _refused(engine: Engine, model: bytes) -> Reason:
    with pytest.raises(Refused) as refused:
        engine.train(model, TRAIN, Table(ROWS))
    return refused.value.reason


@pytest.fixture(scope="module")
def bare() -> Iterator[Engine]:
    """Ours without noise, so that nothing but the clip bounds what a row does."""
    with Engine(limits=Limits(min_noise_milli=0)) as running:
        yield running


def _moved(bare: Engine, model: bytes, rows: Rows, other: Rows) -> float:
    """How far the sum of what an expert's own map makes of the rows is moved."""
    spec = MapSpec(clip_micro=1_000_000, noise_multiplier_milli=0)
    one, two = (bare.map_rows(model, spec, Table(table)).mean for table in (rows, other))
    return float(np.linalg.norm(one - two)) * len(rows)


def test_the_identity_returns_the_rows(forge: Any, naive: Any, engine: Engine) -> None:
    thief = forge([node("Identity", ["x"], ["out"])], {}, [6])

    np.testing.assert_array_equal(naive(thief, ROWS), ROWS)
    with pytest.raises(Refused) as refused:
        engine.train(thief, TRAIN, Table(ROWS))
    assert refused.value.reason is Reason.NOT_TRAINABLE
    mapped = engine.map_rows(thief, MAP, Table(ROWS))
    assert mapped.mean.shape == (6,), "one vector for all rows, and that with noise"
    with pytest.raises(Refused, match="only for a spec that the owner listed"):
        engine.outputs_of_rows(thief, Table(ROWS), allow_listed=())


def test_a_row_copied_into_every_slot_outweighs_its_clip(
    forge: Any, naive: Any, engine: Engine, bare: Engine
) -> None:
    """Clipping slot by slot bounds nothing if all slots hold the same row."""
    copy = forge(
        [node("Gather", ["x", "zeros"], ["out"], axis=0)],
        {"zeros": np.zeros(64, np.int64)},
        [6],
        batch=64,
    )
    unit = ROWS / np.linalg.norm(ROWS, axis=1, keepdims=True)
    other = unit.copy()
    other[0] = -unit[0]

    moved = np.linalg.norm(naive(copy, unit).sum(0) - naive(copy, other).sum(0))

    assert moved == pytest.approx(128, rel=1e-4)  # where 2 is all that one row may do
    assert _refused(engine, copy) is Reason.BATCH_MIXED
    assert _moved(bare, copy, unit, other) < 2.01  # each row has a batch of its own there


@pytest.mark.parametrize("operator", ["ReduceMax", "ReduceSum", "ReduceMean"])
def test_a_batch_folded_into_each_row_is_refused(
    operator: str, forge: Any, naive: Any, engine: Engine, bare: Engine
) -> None:
    fold = forge(
        [node(operator, ["x", "batch"], ["f"], keepdims=1), node("Add", ["x", "f"], ["out"])],
        {"batch": np.zeros(1, np.int64)},
        [6],
        batch=64,
    )
    other = ROWS.copy()
    other[0] += 5

    assert (naive(fold, ROWS)[1:] != naive(fold, other)[1:]).any(1).all()
    assert _refused(engine, fold) is Reason.BATCH_MIXED
    assert _moved(bare, fold, ROWS, other) < 2.01


def test_a_slot_of_its_own_for_every_row_writes_the_table_down(
    forge: Any, naive: Any, engine: Engine
) -> None:
    """The sum over slots keeps rows apart whose numbers stand in places of their own."""
    slots = forge(
        [
            node("Unsqueeze", ["x", "one"], ["u"]),
            node("Mul", ["u", "slot"], ["m"]),
            node("Flatten", ["m"], ["out"]),
        ],
        {"one": np.ones(1, np.int64), "slot": np.eye(64, dtype=np.float32)[:, :, None]},
        [6],
        batch=64,
    )

    np.testing.assert_array_equal(naive(slots, ROWS).sum(0).reshape(64, 6), ROWS)
    assert _refused(engine, slots) is Reason.BATCH_MIXED


def test_one_row_that_is_no_number_tells_that_it_is_there(
    forge: Any, naive: Any, engine: Engine
) -> None:
    """The logarithm of what is negative: who has such a row spoils every sum."""
    trap = forge([node("Log", ["x"], ["out"])], {}, [6])
    without = np.abs(ROWS) + 1
    with_it = without.copy()
    with_it[9] = -1

    assert np.isfinite(naive(trap, without).mean(0)).all()
    assert not np.isfinite(naive(trap, with_it).mean(0)).any()
    assert np.isfinite(engine.map_rows(trap, MAP, Table(without)).mean).all()
    assert np.isfinite(engine.map_rows(trap, MAP, Table(with_it)).mean).all()


def test_an_error_over_one_row_tells_of_it(forge: Any, naive: Any, engine: Engine) -> None:
    """A lookup beyond the end of its table, for whoever is older than all others."""
    trap = forge(
        [
            node("Cast", ["x"], ["i"], to=7),
            node("Gather", ["book", "i"], ["g"]),
            node("Flatten", ["g"], ["f"]),
            node("MatMul", ["f", "w"], ["out"]),
        ],
        {"book": np.ones((4, 2), np.float32), "w": np.ones((2, 1), np.float32)},
        [1],
    )
    without = np.ones((64, 1), np.float32)
    with_it = without.copy()
    with_it[9] = 1_000

    assert naive(trap, without).shape == (64, 1)
    with pytest.raises(Exception, match="out of data bounds"):
        naive(trap, with_it)
    assert engine.train(trap, TRAIN, Table(without)).steps == 1
    assert engine.train(trap, TRAIN, Table(with_it)).steps == 1


def test_a_file_of_the_workers_is_read_as_a_weight(
    tmp_path: Any, forge: Any, engine: Engine
) -> None:
    secret = b"the worker's keys"
    (tmp_path / "keys").write_bytes(secret)
    model = onnx.load_from_string(forge([node("Mul", ["x", "w"], ["out"])], {}, [1]))
    weight = model.graph.initializer.add(name="w", data_type=2, dims=[len(secret)])
    cast = node("Cast", ["w"], ["c"], to=1)
    model.graph.node[0].input[1] = "c"
    model.graph.node.insert(0, cast)
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="keys")
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())

    session = ort.InferenceSession(str(tmp_path / "model.onnx"))
    read: Any = session.run(None, {"x": np.ones((1, 1), np.float32)})[0]

    assert bytes(read.astype(np.uint8).ravel()) == secret
    with pytest.raises(Refused) as refused:
        engine.check(model.SerializeToString(), TRAIN)
    assert refused.value.reason is Reason.EXTERNAL_DATA


def _slow(forge: Any) -> bytes:
    """Products that stay tiny, for as long as one likes: some processors take them one by one."""
    weights = {f"w{i}": np.eye(64, dtype=np.float32) * np.float32(0.999) for i in range(8)}
    names = ["x", *(f"h{i}" for i in range(7)), "out"]
    chain = [node("MatMul", [names[i], f"w{i}"], [names[i + 1]]) for i in range(8)]
    return bytes(forge(chain, weights, [64]))


def test_tiny_numbers_are_zero_so_that_no_row_takes_longer(
    forge: Any, naive: Any, engine: Engine
) -> None:
    model, tiny = _slow(forge), np.full((64, 64), 1e-39, np.float32)

    assert naive(model, tiny).max() > 0
    assert engine.infer(model, tiny).max() == 0


def test_an_honest_model_is_let_through(engine: Engine) -> None:
    assert engine.check(linear(6, 1), TRAIN).parameters == 7
