"""Write the examples' models anew with PyTorch, as an author would: pip install 'tilth[torch]'."""

import contextlib
import io
from pathlib import Path
from typing import Any

import torch
from torch import nn


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2, padding=2),
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.GroupNorm(4, 16),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(144, 10),
    )


class Transformer(nn.Module):
    """Tells by its tokens whether a text speaks of one thing more than of another."""

    def __init__(self, words: int = 32, length: int = 12, width: int = 16) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.places = nn.Parameter(torch.randn(1, length, width) * 0.1)
        layer = nn.TransformerEncoderLayer(width, 2, 32, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.logits = nn.Linear(width, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        encoded: torch.Tensor = self.encoder(self.words(tokens) + self.places)
        answer: torch.Tensor = self.logits(encoded.mean(1))
        return answer


def exported(model: nn.Module, rows: torch.Tensor) -> bytes:
    """An inference graph for any number of rows, with PyTorch's names for the weights."""
    batch: Any = {0: torch.export.Dim("N")}
    with contextlib.redirect_stdout(io.StringIO()):
        program = torch.onnx.export(
            model.eval(),
            (rows,),
            dynamo=True,
            external_data=False,
            optimize=False,
            opset_version=18,
            dynamic_shapes=(batch,),
        )
    assert program is not None
    return _without_paths(program.model_proto)


def _without_paths(proto: Any) -> bytes:
    """The exporter writes the author's source files and lines into every node."""
    for thing in [proto, proto.graph, *proto.graph.node, *proto.graph.value_info]:
        del thing.metadata_props[:]
        thing.doc_string = ""
    for value in [*proto.graph.input, *proto.graph.output, *proto.graph.initializer]:
        value.doc_string = ""
        del value.metadata_props[:]
    del proto.graph.value_info[:]
    written: bytes = proto.SerializeToString()
    return written


def main(folder: Path) -> None:
    torch.manual_seed(0)
    tokens = torch.randint(0, 32, (3, 12))
    for name, model, rows in (
        ("mlp", mlp(), torch.randn(3, 64)),
        ("cnn", cnn(), torch.randn(3, 1, 28, 28)),
        ("transformer", Transformer(), tokens),
    ):
        data = exported(model, rows)
        (folder / f"{name}.onnx").write_bytes(data)
        print(f"{name}.onnx: {len(data):,} bytes")


if __name__ == "__main__":
    main(Path(__file__).parent)
