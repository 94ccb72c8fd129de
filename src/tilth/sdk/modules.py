"""PyTorch modules: exported as the engine takes them, and filled with what came back."""

import contextlib
import importlib.util
import io
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tilth.sdk.estimators import NotTrainable
from tilth.sdk.tables import MissingExtra

_OPSET: Final = 18


def is_module(model: Any) -> bool:
    """Without importing PyTorch: whoever has a module has imported it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def exported(module: Any, rows: NDArray[np.float32], shape: Sequence[int] | None) -> bytes:
    """The module as it is for inference, for any number of rows, with PyTorch's names.

    `rows` are made up, in the form in which it will be given real ones.
    """
    torch: Any = sys.modules["torch"]
    _require_exporter()
    example = torch.from_numpy(np.array(rows.reshape(len(rows), *shape) if shape else rows))
    batch: Any = {0: torch.export.Dim("N")}
    was_training = module.training
    with _quiet():
        try:
            program: Any = torch.onnx.export(
                module.eval(),
                (example,),
                dynamo=True,
                external_data=False,
                optimize=False,
                opset_version=_OPSET,
                dynamic_shapes=(batch,),
            )
        except Exception as error:  # the exporter raises what it likes
            raise NotTrainable(_why(module, example, error)) from error
        finally:
            module.train(was_training)
    return _without_paths(program.model_proto)


def filled(module: Any, weights: dict[str, NDArray[np.float32]]) -> Any:
    """The module with the weights of these names; others stay as they are."""
    torch: Any = sys.modules["torch"]
    known = module.state_dict()
    found = {name: weights[name] for name in known if name in weights}
    if not found:
        raise ValueError("the trained model has none of the module's weights: is it another one?")
    for name, array in found.items():
        if tuple(known[name].shape) != array.shape:
            raise ValueError(f"{name} is {array.shape} here and {tuple(known[name].shape)} there")
    module.load_state_dict(
        {name: torch.from_numpy(array.copy()) for name, array in found.items()}, strict=False
    )
    return module


def _require_exporter() -> None:
    if importlib.util.find_spec("onnxscript") is None:
        raise MissingExtra(
            "exporting a PyTorch module needs onnxscript: pip install 'tilth[torch]'"
        )


def _why(module: Any, example: Any, error: Exception) -> str:
    shape = "×".join(map(str, example.shape))
    said = str(error.__cause__ or error).strip().partition("\n")[0]
    return (
        f"PyTorch does not export {type(module).__name__} for {example.dtype} rows of {shape} "
        f"({said}); another form of a row is given as input_shape=(1, 28, 28)"
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells of itself by print, by warnings and by logs."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _without_paths(proto: Any) -> bytes:
    """The exporter writes its user's source files and lines into every node."""
    graph = proto.graph
    named = [*graph.input, *graph.output, *graph.initializer]
    for thing in (proto, graph, *graph.node, *named):
        del thing.metadata_props[:]
        thing.doc_string = ""
    del graph.value_info[:]
    written: bytes = proto.SerializeToString()
    return written
