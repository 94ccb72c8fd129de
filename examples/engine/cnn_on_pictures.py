"""A convolutional net on 28×28 pictures, with privacy and without.

Run: python examples/engine/cnn_on_pictures.py

Each step draws some of the rows at random, which hides a row better than using all of them.
"""

from dataclasses import replace
from pathlib import Path

from digits import accuracy, pictures

from tilth.engine import Engine, Limits, TrainSpec
from tilth.primitives import privacy

EPSILON, DELTA, STEPS, RATE = 3.0, 1e-5, 100, 70_000_000
MODEL = Path(__file__).parent / "models" / "cnn.onnx"


def main(copies: int = 20, steps: int = STEPS) -> tuple[float, float]:
    """How many pictures are right: private, and not."""
    train, test = pictures(copies)
    noise = privacy.noise_for(int(EPSILON * 1e6), int(DELTA * 1e12), RATE, steps)
    spec = TrainSpec(
        loss="softmax_cross_entropy",
        steps=steps,
        optimizer="adam",
        learning_rate_micro=30_000,
        schedule="linear",
        rate_per_billion=RATE,
        clip_micro=300_000,
        noise_multiplier_milli=noise,
    )
    open_ = replace(spec, noise_multiplier_milli=0, clip_micro=1_000_000_000)
    shares = []
    # an owner's limits never allow training without noise; this is to compare with
    with Engine(limits=Limits(min_noise_milli=0)) as engine:
        for name, how in ((f"ε {EPSILON:g}", spec), ("without privacy", open_)):
            trained = engine.train(MODEL.read_bytes(), how, train)
            shares.append(accuracy(engine.infer, trained.model, test))
            print(f"{name}: {shares[-1]:.1%} of unseen pictures are right", flush=True)
    return shares[0], shares[1]


if __name__ == "__main__":
    main()
