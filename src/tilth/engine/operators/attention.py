"""Attention as one operator, as exporters write it from opset 23 on: made of its parts' rules."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, Final

import numpy as np

from tilth.engine.node import Node
from tilth.engine.operators.arithmetic import ARITHMETIC, reshaped
from tilth.engine.operators.elementwise import ELEMENTWISE
from tilth.engine.operators.linear import LINEAR
from tilth.engine.operators.normalise import NORMALISE
from tilth.engine.operators.rule import Operator
from tilth.engine.operators.shape import repeated, transposed
from tilth.engine.outcomes import Reason
from tilth.engine.tape import Tape
from tilth.engine.values import Element, Value, shown

_RULES: Final[Mapping[str, Operator]] = {**ARITHMETIC, **ELEMENTWISE, **LINEAR, **NORMALISE}


@dataclass(frozen=True, slots=True)
class _Parts:
    """Runs other operators in the node's place."""

    tape: Tape
    node: Node

    def __call__(self, operator: str, *inputs: Value, **attributes: int) -> Value:
        node = replace(self.node, operator=operator, attributes=attributes)
        made: Any = _RULES[operator].rule(self.tape, node, *inputs)
        assert isinstance(made, Value), "these operators have one result"
        return made

    def scaled(self, x: Value, factor: float) -> Value:
        return x if factor == 1 else self("Mul", x, self.tape.emit.number(factor))


def _attention(
    tape: Tape, node: Node, query: Value, key: Value, value: Value, mask: Value | None = None
) -> Value:
    node.require_floats(query, key, value)
    by_heads = len(query.shape) == 3
    if node.integer("qk_matmul_output_mode", 0):
        node.refuse("it hands out its scores too")
    q, k, v = (_headed(tape, node, x, by) for x, by in zip((query, key, value), "qkk", strict=True))
    if q.shape[0] % k.shape[0] or k.shape[:2] != v.shape[:2] or q.shape[2] != k.shape[2]:
        text = f"{shown(query)}, {shown(key)} and {shown(value)} do not fit"
        node.refuse(text, Reason.MALFORMED)
    k, v = (_for_every_query(tape, x, q.shape[0]) for x in (k, v))
    mixed = _mixed(_Parts(tape, node), q, k, v, mask)
    if by_heads:
        return mixed
    length, width = mixed.shape[1], mixed.shape[0] * mixed.shape[2]
    return reshaped(tape, transposed(tape, mixed, (1, 0, 2)), (length, width))


def _mixed(parts: _Parts, q: Value, k: Value, v: Value, mask: Value | None) -> Value:
    """[heads, queries, width]"""
    node, e = parts.node, parts.tape.emit
    scale = node.number("scale", 1 / sqrt(q.shape[2]))
    scores = parts.scaled(parts("MatMul", q, transposed(parts.tape, k, (0, 2, 1))), scale)
    cap = node.number("softcap", 0.0)
    if cap:
        scores = parts.scaled(parts("Tanh", parts.scaled(scores, 1 / cap)), cap)
    never = e.number(-np.inf)
    if node.integer("is_causal", 0):
        earlier = e.constant(np.tri(*scores.shape[1:], dtype=np.bool_))
        scores = parts("Where", earlier, scores, never)
    if mask is not None and mask.element is Element.TRUTH:
        scores = parts("Where", mask, scores, never)
    elif mask is not None:
        scores = parts("Add", scores, mask)
    return parts("MatMul", parts("Softmax", scores, axis=-1), v)


def _headed(tape: Tape, node: Node, x: Value, by: str) -> Value:
    """[heads, length, width]; the file has that, or [length, heads · width]."""
    node.require_batch_first(x)
    if len(x.shape) == 3:
        return x
    heads = node.integer("q_num_heads" if by == "q" else "kv_num_heads", 0)
    if len(x.shape) != 2 or heads < 1 or x.shape[1] % heads:
        node.refuse(f"{heads} heads do not divide {shown(x)}", Reason.MALFORMED)
    apart = reshaped(tape, x, (x.shape[0], heads, x.shape[1] // heads))
    return transposed(tape, apart, (1, 0, 2))


def _for_every_query(tape: Tape, x: Value, heads: int) -> Value:
    """Fewer heads of keys serve several of queries each, one after the other."""
    own, *rest = x.shape
    apart = reshaped(tape, x, (own, 1, *rest))
    return reshaped(tape, repeated(tape, apart, (own, heads // own, *rest)), (heads, *rest))


_ATTRIBUTES: Final = frozenset(
    {"is_causal", "kv_num_heads", "q_num_heads", "qk_matmul_output_mode", "scale", "softcap"}
    | {"softmax_precision"}
)

ATTENTION: Final[Mapping[str, Operator]] = {
    "Attention": Operator(_attention, 3, 4, _ATTRIBUTES, ignored_outputs=3),
}
