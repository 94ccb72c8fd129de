"""What an author can do about operators that have no rule."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_THROUGH_TIME: Final = (
    "a net that runs through time: use attention or a convolution over time, or write out its "
    "steps with nn.LSTMCell or nn.GRUCell"
)
_CUT: Final = "cut what follows the logits"
_SIZES: Final = "keep the size of pictures, or change it before they become rows"

INSTEAD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ArgMax": _CUT,
        "ArgMin": _CUT,
        "ConvTranspose": "use a convolution on a larger picture",
        "Einsum": "write it as matmul with reshape and transpose",
        "GRU": _THROUGH_TIME,
        "If": "export with fixed conditions, without branches",
        "LSTM": _THROUGH_TIME,
        "Loop": "write out its steps; in place of EmbeddingBag take an Embedding and a mean",
        "NonZero": "its size would follow the data: use a mask",
        "RNN": _THROUGH_TIME + ", or export with dynamo=True",
        "RandomNormalLike": "nothing random: export in evaluation mode, model.eval()",
        "RandomUniformLike": "nothing random: export in evaluation mode, model.eval()",
        "Resize": _SIZES,
        "Scan": "write out its steps",
        "TopK": _CUT,
        "Upsample": _SIZES,
        "ZipMap": _CUT,
    }
)
