"""Windows that slide over the spatial axes of a row: what convolutions and pools have in common."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Final

from tilth.engine.node import Node
from tilth.engine.outcomes import Reason
from tilth.engine.values import Shape, Value, shown

ATTRIBUTES: Final = frozenset({"auto_pad", "dilations", "kernel_shape", "pads", "strides"})
_LONGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Windows:
    """Sizes along each spatial axis; `out` is how many windows there are."""

    sizes: Shape
    kernel: Shape
    strides: Shape
    dilations: Shape
    before: Shape
    after: Shape
    out: Shape

    @property
    def taps(self) -> int:
        return prod(self.kernel)

    @property
    def padded(self) -> bool:
        return any(self.before) or any(self.after)

    @property
    def apart(self) -> bool:
        """Whether no two windows share a number."""
        spans = zip(self.kernel, self.dilations, strict=True)
        return all(s >= (k - 1) * d + 1 for s, (k, d) in zip(self.strides, spans, strict=True))

    @property
    def tiles(self) -> bool:
        """Whether they stand side by side without a gap."""
        return self.kernel == self.strides and not self.padded and max(self.dilations) == 1

    @property
    def rest(self) -> Shape:
        """Numbers at each axis' end that no window reaches."""
        reach = [
            (o - 1) * s + (k - 1) * d + 1
            for o, s, k, d in zip(self.out, self.strides, self.kernel, self.dilations, strict=True)
        ]
        ends = zip(self.sizes, self.before, self.after, reach, strict=True)
        return tuple(n + b + a - r for n, b, a, r in ends)

    @property
    def attributes(self) -> dict[str, Any]:
        """As ONNX writes them."""
        return {
            "kernel_shape": self.kernel,
            "strides": self.strides,
            "dilations": self.dilations,
            "pads": (*self.before, *self.after),
        }

    def offsets(self) -> Iterator[tuple[int, ...]]:
        """Where in a window each of its numbers stands."""
        for tap in product(*map(range, self.kernel)):
            yield tuple(at * d for at, d in zip(tap, self.dilations, strict=True))


def over(node: Node, x: Value, kernel: Shape) -> Windows:
    """The node's windows over x, [N, channels, …]."""
    node.require_batch_first(x)
    node.require_floats(x)
    sizes, rank = x.shape[1:], len(x.shape) - 1
    if not 1 <= rank <= 3 or len(kernel) != rank:
        node.refuse(f"a kernel of {list(kernel)} does not fit {shown(x)}", Reason.MALFORMED)
    strides = _lengths(node, "strides", (1,) * rank)
    dilations = _lengths(node, "dilations", (1,) * rank)
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    before, after = _pads(node, sizes, spans, strides)
    room = [n + b + a - s for n, b, a, s in zip(sizes, before, after, spans, strict=True)]
    if min(kernel) < 1 or min(room) < 0 or any(p >= s for p, s in zip(before, spans, strict=True)):
        node.refuse(f"a kernel of {list(kernel)} does not fit {shown(x)}", Reason.MALFORMED)
    if any(p >= s for p, s in zip(after, spans, strict=True)):
        node.refuse("its pads are wider than its kernel", Reason.MALFORMED)
    out = tuple(n // s + 1 for n, s in zip(room, strides, strict=True))
    if node.integer("ceil_mode", 0) and any(n % s for n, s in zip(room, strides, strict=True)):
        node.refuse("ceil_mode adds windows that reach beyond the edge: pad instead")
    return Windows(sizes, kernel, strides, dilations, before, after, out)


def _lengths(node: Node, name: str, default: Shape) -> Shape:
    lengths = node.integers(name, default)
    if len(lengths) != len(default) or not all(1 <= n <= _LONGEST for n in lengths):
        node.refuse(f"its {name} are {list(lengths)}", Reason.MALFORMED)
    return lengths


def _pads(node: Node, sizes: Shape, spans: Sequence[int], strides: Shape) -> tuple[Shape, Shape]:
    mode = node.text("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [
            max(0, (-(-n // s) - 1) * s + span - n)
            for n, s, span in zip(sizes, strides, spans, strict=True)
        ]
        less, more = tuple(n // 2 for n in wanted), tuple(n - n // 2 for n in wanted)
        return (less, more) if mode == "SAME_UPPER" else (more, less)
    if mode not in ("NOTSET", "VALID"):
        node.refuse("its auto_pad is none that ONNX knows", Reason.MALFORMED)
    none = (0,) * (2 * len(sizes))
    pads = node.integers("pads", none) if mode == "NOTSET" else none
    if len(pads) != len(none) or not all(0 <= n <= _LONGEST for n in pads):
        node.refuse(f"its pads are {list(pads)}", Reason.MALFORMED)
    return pads[: len(sizes)], pads[len(sizes) :]
