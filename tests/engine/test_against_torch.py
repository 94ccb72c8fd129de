"""Files as PyTorch's two exporters write them: outputs and each row's gradients are PyTorch's own.

Needs the extra `torch`; everything it shows is also checked against difference quotients elsewhere.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.numpy_helper import to_array

from tilth.engine import Engine, Limits, TrainSpec, compiler, confinement, worker

torch: Any = pytest.importorskip(
    "torch", reason="PyTorch is not installed: pip install 'tilth[torch]'"
)
pytest.importorskip("onnxscript", reason="PyTorch's exporter needs onnxscript")

nn, functional = torch.nn, torch.nn.functional
functional_call, grad, vmap = torch.func.functional_call, torch.func.grad, torch.func.vmap

pytestmark = pytest.mark.filterwarnings("ignore")
ROWS = 64


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Bag(nn.Module):
    """The mean of the embeddings of words that are not zero."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.logits = nn.Embedding(20, 8), nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        there = (x != 0).float().unsqueeze(-1)
        mean = (self.words(x) * there).sum(1) / there.sum(1).clamp(min=1)
        return self.logits(mean)


class Encoder(nn.Module):
    """PyTorch's own transformer layer, which puts time before the batch inside."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 24, batch_first=True, activation="gelu")
        self.enter, self.logits = nn.Linear(4, 16), nn.Linear(16, 3)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, x: Any) -> Any:
        return self.logits(self.encoder(self.enter(x))[:, 0])


class Causal(nn.Module):
    """A decoder's attention: a mask kept as a buffer, learnt positions, the last word's answer."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(16, 16), nn.Embedding(6, 16)
        self.three, self.out, self.norm = nn.Linear(16, 48), nn.Linear(16, 16), nn.LayerNorm(16)
        self.head = nn.Linear(16, 16, bias=False)
        self.register_buffer("mask", torch.tril(torch.ones(6, 6)).view(1, 1, 6, 6))

    def forward(self, ids: Any) -> Any:
        count, length = ids.shape
        x = self.words(ids) + self.places(torch.arange(length))
        parts = self.three(self.norm(x)).split(16, dim=2)
        q, k, v = (part.view(count, length, 2, 8).transpose(1, 2) for part in parts)
        scores = (q @ k.transpose(-2, -1)) / 8**0.5
        scores = scores.masked_fill(self.mask[:, :, :length, :length] == 0, float("-inf"))
        mixed = (functional.softmax(scores, -1) @ v).transpose(1, 2).reshape(count, length, 16)
        return self.head((x + self.out(mixed))[:, -1, :])


class Padded(nn.Module):
    """PyTorch's fused attention, blind to words that only fill up."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.three = nn.Embedding(16, 8), nn.Linear(8, 24)
        self.logits = nn.Linear(8, 3)

    def forward(self, ids: Any) -> Any:
        x = self.words(ids)
        parts = self.three(x).chunk(3, -1)
        q, k, v = (part.unflatten(-1, (2, 4)).transpose(1, 2) for part in parts)
        there = (ids != 15)[:, None, None, :]
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=there)
        return self.logits(mixed.transpose(1, 2).flatten(2).mean(1))


class Patches(nn.Module):
    """A vision transformer's beginning: patches, a token for the class, attention by PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        self.cut, self.token = nn.Conv2d(1, 8, 4, 4), nn.Parameter(torch.randn(1, 1, 8))
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm, self.logits = nn.LayerNorm(8), nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        parts = self.cut(x).flatten(2).transpose(1, 2)
        x = self.norm(torch.cat([self.token.expand(x.shape[0], -1, -1), parts], 1))
        return self.logits(self.attend(x, x, x)[0][:, 0])


def _activations() -> Any:
    bends = [
        *(nn.ReLU(), nn.LeakyReLU(0.2), nn.ELU(), nn.SELU(), nn.GELU(), nn.GELU("tanh")),
        *(nn.Sigmoid(), nn.Tanh(), nn.Softplus(), nn.Hardsigmoid(), nn.Hardswish(), nn.SiLU()),
        *(nn.Mish(), nn.ReLU6(), nn.PReLU(), nn.Softsign(), nn.CELU(), nn.LogSigmoid()),
    ]
    layers = [layer for bend in bends for layer in (nn.Linear(6, 6), bend, nn.Dropout(0.1))]
    return nn.Sequential(*layers, nn.Linear(6, 3), nn.LogSoftmax(-1))


def _convolutional() -> Any:
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)),
        *(nn.Conv2d(8, 8, 3, padding="same", dilation=2, groups=4), nn.GroupNorm(2, 8)),
        *(nn.Tanh(), nn.AvgPool2d(2, 1, 1), nn.Conv2d(8, 6, 1, bias=False)),
        *(nn.InstanceNorm2d(6, affine=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(6, 4),
    )


def _in_time() -> Any:
    return nn.Sequential(
        *(nn.Conv1d(2, 4, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 4, 3, 2)),
        *(nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3)),
    )


def _floats(*shape: int) -> Callable[[int], Any]:
    return lambda count: torch.randn(count, *shape)


def _words(kinds: int, length: int) -> Callable[[int], Any]:
    return lambda count: torch.randint(0, kinds, (count, length))


MODELS: dict[str, tuple[Callable[[], Any], Callable[[int], Any]]] = {
    "linear": (lambda: nn.Linear(10, 3), _floats(10)),
    "every activation": (_activations, _floats(6)),
    "convolutional": (_convolutional, _floats(1, 14, 14)),
    "convolutional in time": (_in_time, _floats(2, 20)),
    "bag of words": (Bag, _words(20, 7)),
    "encoder": (Encoder, _floats(5, 4)),
    "causal": (Causal, _words(16, 6)),
    "padded words": (Padded, _words(16, 6)),
    "patches": (Patches, _floats(1, 8, 8)),
}
EXPORTS: dict[str, dict[str, Any]] = {
    "torchscript, opset 17": {"dynamo": False, "opset_version": 17},
    "dynamo, opset 18": {"dynamo": True, "opset_version": 18, "optimize": True},
    "dynamo as it is, opset 18": {"dynamo": True, "opset_version": 18, "optimize": False},
    "dynamo, opset 23": {"dynamo": True, "opset_version": 23, "optimize": True},
}


def _exported(model: Any, rows: Any, how: dict[str, Any]) -> bytes:
    target = io.BytesIO()
    names = {"input_names": ["x"], "output_names": ["out"]}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not how["dynamo"]:
            torch.onnx.export(model, (rows,), target, dynamic_axes={"x": {0: "N"}}, **names, **how)
            return target.getvalue()
        shapes = ({0: torch.export.Dim("N")},)
        program = torch.onnx.export(
            model, (rows,), external_data=False, dynamic_shapes=shapes, **names, **how
        )
    assert program is not None
    data: bytes = program.model_proto.SerializeToString()
    return data


def _run(program: compiler.Program, **feeds: Any) -> dict[str, Any]:
    session = worker.session(program.model)
    given = {**feeds, **{p.name: p.initial for p in program.parameters}}
    wanted = {value.name for value in session.get_inputs()}
    names = [value.name for value in session.get_outputs()]
    made = session.run(None, {name: array for name, array in given.items() if name in wanted})
    return {**dict(zip(names, made, strict=True)), "x": feeds["x"]}


@pytest.mark.parametrize("how", EXPORTS)
@pytest.mark.parametrize("name", MODELS)
def test_outputs_and_gradients_are_those_of_pytorch(name: str, how: str) -> None:
    torch.manual_seed(1)
    make, draw = MODELS[name]
    model, rows = make().eval(), draw(ROWS)
    for weight in model.parameters():  # equal weights would be merged by the exporter
        weight.data += 0.02 * torch.randn_like(weight)
    data = _exported(model, draw(3), EXPORTS[how])
    x = rows.numpy().astype(np.float32)

    (ours,) = (v for k, v in _run(compiler.inference(data, Limits()), x=x).items() if k != "x")
    theirs = model(rows)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=1e-5)

    labels = torch.randint(0, theirs.shape[1], (ROWS,))
    program = compiler.training(data, "softmax_cross_entropy", Limits())
    outputs = _run(program, x=x, y=labels.numpy()[:, None])
    expected = _gradients(model, rows, labels)
    for parameter, parts in zip(program.parameters, program.gradients, strict=True):
        arrays = [outputs[part].reshape(ROWS, -1) for part in parts]
        whole = arrays[0] if len(arrays) == 1 else arrays[0][:, :, None] * arrays[1][:, None]
        _require_one_of(expected, whole.reshape(ROWS, *parameter.initial.shape), parameter.author)


@pytest.mark.skipif(not confinement().sufficient, reason="no Landlock or no seccomp")
def test_what_comes_back_is_a_state_dict_by_its_names() -> None:
    model, rows = _convolutional().eval(), torch.randn(ROWS, 1, 14, 14)
    how = EXPORTS["dynamo as it is, opset 18"]
    spec = TrainSpec(
        loss="softmax_cross_entropy",
        steps=2,
        learning_rate_micro=100_000,
        clip_micro=1_000_000,
        noise_multiplier_milli=1_000,
    )
    table = Table(rows.flatten(1).numpy(), np.arange(ROWS) % 4)
    with Engine() as engine:
        trained = engine.train(_exported(model, rows[:3], how), spec, table).model
        answers = engine.infer(trained, table.rows)

    graph = onnx.load_from_string(trained).graph
    found = {t.name: torch.from_numpy(to_array(t).copy()) for t in graph.initializer}
    before = {name: value.clone() for name, value in model.named_parameters()}
    model.load_state_dict({name: found[name] for name in before}, strict=False)

    np.testing.assert_allclose(answers, model(rows).detach().numpy(), atol=1e-5)
    assert all(not torch.equal(before[name], found[name]) for name in before)


@dataclass(frozen=True)
class Table:
    rows: Any
    labels: Any
    count: int = ROWS
    features: int = 196

    def batch(self, indices: Any) -> tuple[Any, Any]:
        return self.rows[indices], self.labels[indices]


def _gradients(model: Any, rows: Any, labels: Any) -> dict[str, Any]:
    weights = {key: value.detach() for key, value in model.named_parameters()}
    buffers = dict(model.named_buffers())

    def loss(given: Any, row: Any, label: Any) -> Any:
        return functional.cross_entropy(
            functional_call(model, (given, buffers), (row[None],)), label[None]
        )

    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        found = vmap(grad(loss), in_dims=(None, 0, 0))(weights, rows, labels)
    return {key: value.numpy() for key, value in found.items()}


def _require_one_of(expected: dict[str, Any], ours: Any, name: str) -> None:
    """By its name, or where the exporter turned or folded a weight and renamed it, by its value."""
    if name in expected:
        np.testing.assert_allclose(ours, expected[name].reshape(ours.shape), atol=1e-5)
        return
    turned = [theirs.swapaxes(1, 2) for theirs in expected.values() if theirs.ndim == 3]
    candidates = [g for g in (*expected.values(), *turned) if g.size == ours.size]
    folded = "onnx::Conv" in name or not candidates
    close = any(np.allclose(ours, g.reshape(ours.shape), atol=1e-5) for g in candidates)
    assert folded or close, f"{name} has no counterpart in PyTorch"
