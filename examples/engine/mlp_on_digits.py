"""Train a PyTorch net on private digits: python examples/engine/mlp_on_digits.py

The net comes from PyTorch where that is installed, else from the file it was exported to.
"""

import importlib.util
from pathlib import Path

from digits import accuracy, digits

from tilth.engine import Engine, TrainSpec
from tilth.primitives import privacy

EPSILON, DELTA, STEPS = 4.0, 1e-5, 80
MODELS = Path(__file__).parent / "models"


def model() -> bytes:
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("onnxscript") is None:
        return (MODELS / "mlp.onnx").read_bytes()
    import torch
    from models.export import exported, mlp

    torch.manual_seed(0)
    return exported(mlp(), torch.randn(3, 64))


def main() -> float:
    train, test = digits()
    noise = privacy.noise_for(int(EPSILON * 1e6), int(DELTA * 1e12), 10**9, STEPS)
    spec = TrainSpec(
        loss="softmax_cross_entropy",
        steps=STEPS,
        optimizer="momentum",
        learning_rate_micro=1_000_000,
        schedule="cosine",
        clip_micro=500_000,
        noise_multiplier_milli=noise,
    )
    with Engine() as engine:
        trained = engine.train(model(), spec, train)
        right = accuracy(engine.infer, trained.model, test)
    assert trained.privacy_cost is not None
    spent = privacy.epsilon(trained.privacy_cost, int(DELTA * 1e12)) / 1e6
    print(f"{trained.parameters:,} weights, ε {spent:.2f}: {right:.1%} of unseen digits are right")
    return right


if __name__ == "__main__":
    main()
