"""What a worker returns for a row depends on that row alone, bit by bit, and however mutated."""

import random as pythons_random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper

from tilth.engine import LOSS_NAMES, Limits, Refused, compiler, confinement, linear, mlp, worker
from tilth.engine.jail import Jail, Zygote
from tilth.engine.operators import OPERATORS
from tilth.v1 import onnx_pb2 as pb

node = helper.make_node
Singles = npt.NDArray[np.float32]
CHUNK = 128


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    running = Zygote()
    yield running
    running.close()


def _sequence(author: Any) -> bytes:
    random = np.random.default_rng(2)
    weights = {
        name: random.normal(size=shape).astype(np.float32)
        for name, shape in {"k": (4, 3), "r": (3, 3), "s": (3,), "v": (9, 2)}.items()
    }
    nodes = [
        node("MatMul", ["x", "k"], ["keys"]),
        node("MatMul", ["keys", "r"], ["mixed"]),
        node("Add", ["mixed", "keys"], ["t"]),
        node("LayerNormalization", ["t", "s"], ["n"]),
        node("Softmax", ["n"], ["shares"], axis=1),
        node("Flatten", ["shares"], ["flat"]),
        node("MatMul", ["flat", "v"], ["out"]),
    ]
    return bytes(author(nodes, weights, (3, 4)))


def _image(author: Any) -> bytes:
    random = np.random.default_rng(3)
    weights = {
        name: random.normal(size=shape).astype(np.float32)
        for name, shape in {"k": (4, 1, 3, 3), "s": (4,), "c": (2, 2, 2, 2), "v": (2, 3)}.items()
    }
    nodes = [
        node("Conv", ["x", "k"], ["h"], pads=[1, 1, 1, 1]),
        node("InstanceNormalization", ["h", "s", "s"], ["n"]),
        node("MaxPool", ["n"], ["p"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Conv", ["p", "c"], ["g"], group=2),
        node("Relu", ["g"], ["r"]),
        node("AveragePool", ["r"], ["a"], kernel_shape=[2, 1], pads=[1, 0, 0, 0]),
        node("GlobalAveragePool", ["a"], ["m"]),
        node("Flatten", ["m"], ["f"]),
        node("MatMul", ["f", "v"], ["out"]),
    ]
    return bytes(author(nodes, weights, (1, 6, 5)))


def _words(author: Any) -> bytes:
    """Embeddings, and attention with the batch behind the time axis and beside the heads."""
    random = np.random.default_rng(4)
    weights: dict[str, Any] = {
        name: random.normal(size=shape).astype(np.float32)
        for name, shape in {"e": (9, 4), "token": (1, 1, 4), "q": (4, 4), "v": (4, 3)}.items()
    }
    weights |= {
        "heads": np.array([6, -1, 2]),
        "back": np.array([6, -1, 4]),
        "first": np.array(0),
    }
    nodes = [
        node("Cast", ["x"], ["i"], to=onnx.TensorProto.INT64),
        node("Gather", ["e", "i"], ["w"]),
        node("Concat", ["token", "w"], ["s"], axis=1),
        node("Transpose", ["s"], ["t"], perm=[1, 0, 2]),
        node("MatMul", ["t", "q"], ["p"]),
        node("Reshape", ["p", "heads"], ["h"]),
        node("Transpose", ["h"], ["a"], perm=[1, 0, 2]),
        node("Transpose", ["h"], ["b"], perm=[1, 2, 0]),
        node("MatMul", ["a", "b"], ["scores"]),
        node("Softmax", ["scores"], ["shares"], axis=-1),
        node("MatMul", ["shares", "a"], ["mixed"]),
        node("Transpose", ["mixed"], ["m"], perm=[1, 0, 2]),
        node("Reshape", ["m", "back"], ["r"]),
        node("Gather", ["r", "first"], ["g"], axis=0),
        node("MatMul", ["g", "v"], ["out"]),
    ]
    return bytes(author(nodes, weights, (5,)))


HOSTILE = [np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-40, 0.0]


@pytest.mark.skipif(not confinement().sufficient, reason="no Landlock or no seccomp")
@pytest.mark.parametrize("name", ["linear", "mlp", "sequence", "image", "words"])
def test_a_rows_bits_do_not_depend_on_its_seat_or_its_neighbours(
    name: str, zygote: Zygote, author: Any
) -> None:
    models = {
        "linear": lambda: linear(12, 3),
        "mlp": lambda: mlp(12, (32, 16), 3),
        "sequence": lambda: _sequence(author),
        "image": lambda: _image(author),
        "words": lambda: _words(author),
    }
    random = np.random.default_rng(8)
    with Jail(zygote, Limits()) as jail:
        layout, weights = jail.check(models[name](), "softmax_cross_entropy")
        jail.prepare(layout, CHUNK)
        jail.use(weights)
        row, label = random.normal(size=layout.features), random.integers(0, 2)
        seen = set()
        for _ in range(60):
            rows = random.normal(size=(CHUNK, layout.features)).astype(np.float32)
            rows[random.random(CHUNK) < 0.3] = HOSTILE[random.integers(len(HOSTILE))]
            labels = random.integers(-(2**60), 2**60, (CHUNK, 1))
            seat = random.integers(CHUNK)
            rows[seat], labels[seat] = row, label
            seen.add(b"".join(part[seat].tobytes() for part in jail.gradients(rows, labels)))

    assert len(seen) == 1


def _rename_operator(model: pb.ModelProto, random: pythons_random.Random) -> None:
    random.choice(model.graph.node).op_type = random.choice(sorted(OPERATORS))


def _rewire(model: pb.ModelProto, random: pythons_random.Random) -> None:
    target = random.choice(model.graph.node)
    outputs = [name for n in model.graph.node for name in n.output]
    names = [*outputs, *(t.name for t in model.graph.initializer), model.graph.input[0].name, ""]
    target.input[random.randrange(len(target.input))] = random.choice(names)


def _swap_inputs(model: pb.ModelProto, random: pythons_random.Random) -> None:
    inputs = random.choice(model.graph.node).input
    inputs.reverse()


def _set_attribute(model: pb.ModelProto, random: pythons_random.Random) -> None:
    target = random.choice(model.graph.node)
    name = random.choice(
        ["axis", "transA", "transB", "alpha", "epsilon", "group", "keepdims", "perm"]
    )
    value = random.choice([-2, -1, 0, 1, 2, 2**31, -(2**63)])
    target.attribute.add(name=name, type=pb.AttributeProto.INT, i=value)


def _reshape_weight(model: pb.ModelProto, random: pythons_random.Random) -> None:
    tensor = random.choice(model.graph.initializer)
    dims = list(tensor.dims)
    del tensor.dims[:]
    tensor.dims.extend(random.choice([dims[::-1], [1, *dims], [*dims, 1], [*dims[:-1], 64]]))


def _change_constant(model: pb.ModelProto, random: pythons_random.Random) -> None:
    tensors = [t for t in model.graph.initializer if t.data_type == pb.TensorProto.INT64]
    if tensors:
        chosen = random.choice(tensors)
        numbers = np.frombuffer(chosen.raw_data, np.int64).copy()
        numbers.flat[random.randrange(numbers.size)] = random.choice(
            [-2, -1, 0, 1, 2, 3, 64, 2**40]
        )
        chosen.raw_data = numbers.tobytes()


def _permute(model: pb.ModelProto, random: pythons_random.Random) -> None:
    for attribute in (a for n in model.graph.node for a in n.attribute if a.ints):
        if random.random() < 0.4:
            numbers = list(attribute.ints)
            random.shuffle(numbers)
            del attribute.ints[:]
            attribute.ints.extend(numbers)


def _reshape_input(model: pb.ModelProto, random: pythons_random.Random) -> None:
    dims = model.graph.input[0].type.tensor_type.shape.dim
    random.choice(dims).dim_value = random.choice([1, 2, 3, 6, 64])


def _insert_node(model: pb.ModelProto, random: pythons_random.Random) -> None:
    place = random.randrange(len(model.graph.node))
    original = model.graph.node[place]
    fresh = pb.NodeProto(op_type=random.choice(sorted(OPERATORS)), output=[original.output[0]])
    original.output[0] = "inserted"
    fresh.input.extend(["inserted", *original.input[1:]][: random.randint(1, 3)])
    model.graph.node.insert(place + 1, fresh)


def _drop_node(model: pb.ModelProto, random: pythons_random.Random) -> None:
    if len(model.graph.node) > 1:
        del model.graph.node[random.randrange(len(model.graph.node))]


MUTATIONS: list[Callable[[pb.ModelProto, pythons_random.Random], None]] = [
    _rename_operator,
    _rewire,
    _swap_inputs,
    _set_attribute,
    _reshape_weight,
    _change_constant,
    _permute,
    _reshape_input,
    _insert_node,
    _drop_node,
]


def _originals(author: Any) -> list[bytes]:
    return [mlp(6, (5, 4), 3), _sequence(author), _image(author), _words(author)]


def _mutated(seed: int, author: Any) -> compiler.Program | None:
    """What the recompiler made of a mutated model, if it accepted it."""
    random = pythons_random.Random(seed)
    original = random.choice(_originals(author))
    model = pb.ModelProto.FromString(original)
    for _ in range(random.randint(1, 3)):
        random.choice(MUTATIONS)(model, random)
    try:
        loss = random.choice(LOSS_NAMES)
        return compiler.training(model.SerializeToString(), loss, Limits(row_flops=10**6))
    except Refused:
        return None


def test_mutated_models_are_refused_or_keep_rows_apart(author: Any) -> None:
    programs = [_mutated(seed, author) for seed in range(1200)]

    accepted = [program for program in programs if program is not None]
    for program in accepted:
        _require_isolation(program)
    assert len(accepted) > 120


def _require_isolation(program: compiler.Program) -> None:
    random = np.random.default_rng(0)
    assert program.labels is not None
    feeds: dict[str, npt.NDArray[Any]] = {p.name: p.initial for p in program.parameters}
    feeds["x"] = random.normal(size=(64, *program.input_shape)).astype(np.float32)
    labels = random.integers(0, 2, (64, *program.labels.shape))
    feeds["y"] = labels if program.labels.integer else labels.astype(np.float32)
    graph = worker.session(program.model)
    names = [name for name, _ in program.outputs]
    wanted = {info.name for info in onnx.load_from_string(program.model).graph.input}

    with np.errstate(all="ignore"):
        first: Any = graph.run(names, {n: a for n, a in feeds.items() if n in wanted})
        feeds["x"] = feeds["x"].copy()
        feeds["x"][7] += 1
        second: Any = graph.run(names, {n: a for n, a in feeds.items() if n in wanted})

    others = np.arange(64) != 7
    for (_, size), before, after in zip(program.outputs, first, second, strict=True):
        assert before.size == 64 * size
        np.testing.assert_array_equal(before.reshape(64, -1)[others], after.reshape(64, -1)[others])
