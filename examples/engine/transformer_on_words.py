"""A small PyTorch transformer on private texts: python examples/engine/transformer_on_words.py

Texts are made up: twelve words each, and the label says which of two topics has more of them.
"""

from pathlib import Path

import numpy as np
from digits import Table, accuracy

from tilth.engine import Engine, TrainSpec
from tilth.primitives import privacy

EPSILON, DELTA, STEPS, RATE = 3.0, 1e-5, 60, 100_000_000
MODEL = Path(__file__).parent / "models" / "transformer.onnx"


def texts(count: int, seed: int) -> Table:
    """Words 0…7 belong to one topic, 8…15 to the other, the rest to neither."""
    random = np.random.default_rng(seed)
    words = random.integers(0, 32, (count, 12))
    one, other = ((words // 8 == topic).sum(1) for topic in (0, 1))
    told = one != other
    return Table(words[told].astype(np.float32), (one > other)[told].astype(np.int64))


def main(count: int = 8_000) -> float:
    train, test = texts(count, 1), texts(1_000, 2)
    spec = TrainSpec(
        loss="softmax_cross_entropy",
        steps=STEPS,
        optimizer="adam",
        learning_rate_micro=20_000,
        schedule="cosine",
        rate_per_billion=RATE,
        clip_micro=300_000,
        noise_multiplier_milli=privacy.noise_for(
            int(EPSILON * 1e6), int(DELTA * 1e12), RATE, STEPS
        ),
    )
    with Engine() as engine:
        trained = engine.train(MODEL.read_bytes(), spec, train)
        right = accuracy(engine.infer, trained.model, test)
    print(f"{trained.parameters:,} weights, ε {EPSILON:g}: {right:.1%} of unseen texts are right")
    return right


if __name__ == "__main__":
    main()
