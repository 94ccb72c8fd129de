"""What a private training step costs per row, as a multiple of the same net without any privacy.

Beside the engine (jail, clipping, noise, both processes' CPU time) the same run measures two plain
ways to the summed gradient on one thread: by hand in numpy, and by ONNX Runtime in this process.
Where PyTorch is installed: its plain step, and its gradients of single rows by vmap, clipped. Where
Opacus is: its functional mode, at the batch that suits it best. Then what a job costs before its
first step, and the noise beside a textbook Box-Muller.
Run: python benches/engine.py [seconds per row]
"""

import copy
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

os.environ.update(ORT_DISABLE_TELEMETRY="1", OPENBLAS_NUM_THREADS="1")  # before either is imported

import numpy as np
import numpy.typing as npt

from tilth.engine import Engine, Limits, TrainSpec, compiler, core, mlp, worker
from tilth.engine.layout import SLOTS
from tilth.engine.noise import DiscreteGaussian

SECONDS: Final = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
ROWS: Final = 4096
CHUNK: Final = 16 * SLOTS
NETS: Final[dict[str, tuple[int, tuple[int, ...], int]]] = {
    "logistic 30": (30, (), 2),
    "mlp 64-64-64-10": (64, (64, 64), 10),
    "mlp 784-128-128-10": (784, (128, 128), 10),
}

Singles = npt.NDArray[np.float32]


class Table:
    def __init__(self, features: int, classes: int) -> None:
        random = np.random.default_rng(0)
        self.rows = random.normal(size=(ROWS, features)).astype(np.float32)
        self.labels = random.integers(0, classes, ROWS)
        self.count, self.features = ROWS, features

    def batch(self, indices: npt.NDArray[np.int64]) -> tuple[Singles, npt.NDArray[Any]]:
        return self.rows[indices], self.labels[indices]


def spec(steps: int) -> TrainSpec:
    return TrainSpec(
        loss="softmax_cross_entropy",
        steps=steps,
        learning_rate_micro=100_000,
        clip_micro=1_000_000,
        noise_multiplier_milli=1_000,
    )


def cpu_of_all(engine: Engine) -> float:
    """This process and, once buried, the workers: children of the zygote."""
    assert engine._zygote is not None
    fields = Path(f"/proc/{engine._zygote.pid}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(int(field) for field in fields[11:15])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def private(engine: Engine, model: bytes, table: Table) -> float:
    """CPU microseconds per row and step, long enough for the job's start not to matter."""
    started = time.perf_counter()
    engine.train(model, spec(3), table)
    steps = max(5, round(3 * SECONDS / (time.perf_counter() - started)))
    before = cpu_of_all(engine)
    engine.train(model, spec(steps), table)
    return (cpu_of_all(engine) - before) / (steps * ROWS) * 1e6


def repeated(step: Callable[[], object], rows: int) -> float:
    until = time.perf_counter() + SECONDS / 2
    times: list[float] = []
    while time.perf_counter() < until or not times:
        before = time.process_time()
        step()
        times.append(time.process_time() - before)
    return sorted(times)[len(times) // 2] / rows * 1e6


def by_hand(widths: Sequence[int], table: Table) -> Callable[[], object]:
    random = np.random.default_rng(1)
    weights = [random.normal(size=(a, b)).astype(np.float32) * 0.1 for a, b in pairwise(widths)]
    biases = [np.zeros(b, np.float32) for b in widths[1:]]
    rows, labels = table.batch(np.arange(CHUNK))
    wanted = np.eye(widths[-1], dtype=np.float32)[labels]

    def step() -> None:
        seen = [rows]
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            seen.append(np.maximum(seen[-1] @ w + b, 0))
        logits = seen[-1] @ weights[-1] + biases[-1]
        powers = np.exp(logits - logits.max(1, keepdims=True))
        slope = (powers / powers.sum(1, keepdims=True) - wanted) / CHUNK
        for layer in reversed(range(len(weights))):
            by_weights, by_biases = seen[layer].T @ slope, slope.sum(0)
            if layer:
                slope = (slope @ weights[layer].T) * (seen[layer] > 0)
            weights[layer] -= 0.1 * by_weights
            biases[layer] -= 0.1 * by_biases

    return step


def by_runtime(model: bytes, table: Table) -> Callable[[], object]:
    """The engine's own graph, its factors multiplied and summed unclipped."""
    program = compiler.training(model, "softmax_cross_entropy", Limits())
    session = worker.session(program.model)
    names = [name for name, _ in program.outputs]
    weights = {p.name: p.initial for p in program.parameters}
    rows, labels = table.batch(np.arange(CHUNK))

    def step() -> None:
        for start in range(0, CHUNK, SLOTS):
            x, y = rows[start : start + SLOTS], labels[start : start + SLOTS, None]
            outputs = dict(zip(names, session.run(names, {**weights, "x": x, "y": y}), strict=True))
            for parts in program.gradients:
                arrays = [outputs.get(name, x) for name in parts]
                _ = arrays[0].T @ arrays[1] if len(arrays) == 2 else arrays[0].sum(0)

    return step


def compare_steps(engine: Engine) -> None:
    print("CPU µs per row and step         private   numpy    ×    onnxruntime    ×")
    for name, (features, hidden, classes) in NETS.items():
        model, table = mlp(features, hidden, classes), Table(features, classes)
        ours = private(engine, model, table)
        numpy = repeated(by_hand([features, *hidden, classes], table), CHUNK)
        runtime = repeated(by_runtime(model, table), CHUNK)
        ratios = f"{numpy:7.2f} {ours / numpy:5.1f}  {runtime:9.2f} {ours / runtime:8.1f}"
        print(f"{name:<30} {ours:8.2f} {ratios}")


def by_torch(model: Any, rows: Any, labels: Any) -> tuple[Callable[[], object], ...]:
    """A step of plain PyTorch, and one as Opacus takes it: each row's gradient by vmap, clipped."""
    import torch
    from torch.func import functional_call, grad, vmap
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(1)
    descent = torch.optim.SGD(model.parameters(), lr=1e-4)
    weights = {name: p.detach() for name, p in model.named_parameters()}

    def plain() -> None:
        descent.zero_grad()
        cross_entropy(model(rows), labels).backward()
        descent.step()

    def of_row(given: Any, row: Any, label: Any) -> Any:
        return cross_entropy(functional_call(model, given, (row[None],)), label[None])

    every = vmap(grad(of_row), in_dims=(None, 0, 0))

    def private() -> None:
        gradients = every(weights, rows, labels)
        squares = [g.flatten(1).square().sum(1) for g in gradients.values()]
        shares = (1 / sum(squares).sqrt()).clamp(max=1)
        _ = [torch.einsum("n,n...->...", shares, g) for g in gradients.values()]

    return plain, private


def by_opacus(model: Any, rows: Any, labels: Any) -> float:
    """CPU microseconds per row of a whole private step."""
    import torch
    from opacus.grad_sample import GradSampleModule
    from opacus.optimizers import DPOptimizer
    from torch.nn.functional import cross_entropy

    def timed(batch: int) -> float:
        net = copy.deepcopy(model).train()
        for part in net.modules():  # vmap takes no chance
            if isinstance(getattr(part, "dropout", None), float):
                part.dropout = 0.0
            elif isinstance(part, torch.nn.Dropout):
                part.p = 0.0
        private = GradSampleModule(net, force_functorch=True)
        descent = DPOptimizer(
            torch.optim.SGD(private.parameters(), lr=1e-4),
            noise_multiplier=1.0,
            max_grad_norm=1.0,
            expected_batch_size=batch,
        )

        def step() -> None:
            descent.zero_grad()
            cross_entropy(private(rows[:batch]), labels[:batch]).backward()
            descent.step()

        return repeated(step, batch)

    return min(map(timed, (SLOTS, 256, 1024)))


def torchs_nets() -> dict[str, tuple[Any, Any, int]]:
    """A net, rows for it, and how many classes it tells."""
    import torch
    from torch import nn

    sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "engine"))
    from models.export import Transformer

    torch.manual_seed(0)
    cnn = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10)),
    )
    small = nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    wide = nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    return {
        "mlp 64-64-64-10": (small, torch.randn(ROWS, 64), 10),
        "mlp 784-128-128-10": (wide, torch.randn(ROWS, 784), 10),
        "cnn 28x28, 26,698 weights": (cnn, torch.randn(ROWS, 1, 28, 28), 10),
        "transformer, 2,962 weights": (Transformer(), torch.randint(0, 32, (ROWS, 12)), 2),
    }


def compare_with_torch(engine: Engine) -> None:
    import torch

    nets = torchs_nets()
    from models.export import exported

    opacus = importlib.util.find_spec("opacus") is not None
    more = "       opacus     ×" if opacus else ""
    print(f"CPU µs per row and step         private   torch    ×        vmap     ×{more}")
    for name, (net, rows, classes) in nets.items():
        table = Table(1, classes)
        table.rows = rows.flatten(1).numpy().astype(np.float32)
        table.features = table.rows.shape[1]
        plain, vmapped = by_torch(net, rows[:SLOTS], torch.from_numpy(table.labels[:SLOTS]))
        ours = private(engine, exported(net, rows[:3]), table)
        eager, functional = repeated(plain, SLOTS), repeated(vmapped, SLOTS)
        ratios = f"{eager:7.2f} {ours / eager:5.2f}  {functional:9.2f} {ours / functional:8.2f}"
        if opacus:
            functional = by_opacus(net, rows, torch.from_numpy(table.labels))
            ratios += f" {functional:12.2f} {ours / functional:5.2f}"
        print(f"{name:<30} {ours:8.2f} {ratios}", flush=True)


def time_starts(engine: Engine) -> None:
    model, rows = mlp(30, (), 2), np.zeros((1, 30), np.float32)
    times = []
    for _ in range(20):
        started = time.perf_counter()
        engine.infer(model, rows)
        times.append(time.perf_counter() - started)
    print(f"a job from its arrival to its first answer: {sorted(times)[10] * 1e3:.1f} ms")


def box_muller(count: int, sigma: float) -> npt.NDArray[np.float64]:
    uniform = (np.frombuffer(os.urandom(8 * count), "<u8") >> np.uint64(11)).astype(np.float64)
    first, second = ((uniform + 0.5) * 2.0**-53).reshape(2, -1)
    radius, angle = sigma * np.sqrt(-2 * np.log(first)), 2 * np.pi * second
    drawn = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
    return np.asarray(np.rint(drawn), np.float64)


def compare_noise() -> None:
    count, sigma = 100_000, 4 * core.sensitivity(100_000)
    exact = DiscreteGaussian(sigma)
    ours = repeated(lambda: exact.draw(count), count) * 1e3
    textbook = repeated(lambda: box_muller(count, sigma), count) * 1e3
    ratio = ours / textbook
    print(f"noise, ns per number: {ours:.0f} exact, {textbook:.0f} Box-Muller (×{ratio:.1f})")


if __name__ == "__main__":
    with Engine() as engine:
        time_starts(engine)
        compare_steps(engine)
        if importlib.util.find_spec("torch") and importlib.util.find_spec("onnxscript"):
            compare_with_torch(engine)
        else:
            print("PyTorch is not installed: pip install 'tilth[torch]' to compare with it")
    compare_noise()
