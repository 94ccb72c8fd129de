"""Any call that a runtime's pallets declare, drawn by Hypothesis with arguments of its types.

Needs the package `hypothesis`, which Tilth does not bring along.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias, final

from hypothesis import strategies as st

from tilth.frame import AccountId, Pallet, Runtime, RuntimeCall
from tilth.frame.aggregate import CallsCodec
from tilth.frame.origin import NoCaller, RootCaller, SignedCaller
from tilth.primitives.scale import shapes
from tilth.primitives.types import Id

Values: TypeAlias = st.SearchStrategy[Any]

# Root may break a chain with these, in FRAME as here; and inherents are the author's.
BEYOND: Final = frozenset(
    {
        "System.set_code",
        "System.set_code_without_checks",
        "System.authorize_upgrade",
        "System.authorize_upgrade_without_checks",
        "System.apply_authorized_upgrade",
        "System.set_storage",
        "System.kill_storage",
        "System.kill_prefix",
        "Balances.force_adjust_total_issuance",
        "Balances.force_unreserve",
        "Timestamp.set",
    }
)


@final
class Arbitrary:
    """Draws calls of one runtime; what `given` names a value for gets it, in whatever call."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        accounts: Sequence[AccountId],
        amounts: Sequence[int],
        given: Mapping[str, Values],
        beyond: Collection[str] = BEYOND,
    ) -> None:
        """`amounts` are what every u128 is drawn from; `beyond` are calls never made."""
        self._runtime = runtime
        self._accounts = st.sampled_from(accounts)
        self._amounts = st.sampled_from(amounts)
        self._given = given
        self._beyond = beyond
        self.calls = self._calls()
        """Any call of any pallet; calls that contain calls contain any."""

    def _calls(self) -> st.SearchStrategy[RuntimeCall]:
        named = [(pallet, self._names(pallet)) for pallet in self._runtime.pallets]
        return st.one_of(*(self._calls_of(pallet, names) for pallet, names in named if names))

    def _names(self, pallet: Pallet[Any, Any]) -> list[str]:
        names = [call.name for call in pallet.declared.calls]
        return [name for name in names if f"{pallet.name}.{name}" not in self._beyond]

    def _calls_of(
        self, pallet: Pallet[Any, Any], names: list[str]
    ) -> st.SearchStrategy[RuntimeCall]:
        made = {name: self._call(pallet, name) for name in names}
        return st.sampled_from(names).flatmap(lambda name: made[name])

    def _call(self, pallet: Pallet[Any, Any], name: str) -> st.SearchStrategy[RuntimeCall]:
        (declared,) = (call for call in pallet.declared.calls if call.name == name)
        shape = self._runtime.codecs.shape
        arguments = {each: self._value(shape(kind), each) for each, kind in declared.params}
        return st.builds(getattr(pallet, name).call, **arguments)

    def _value(self, shape: shapes.Shape, name: str) -> Values:
        return self._given[name] if name in self._given else self._of(shape, name)

    def _of(self, shape: shapes.Shape, name: str) -> Values:
        match shape:
            case shapes.Compact(inner=inner) | shapes.Named(inner=inner):
                return self._value(inner, name)
            case shapes.Option(inner=inner):
                return st.none() | self._value(inner, name)
            case shapes.Sequence(item=item, kind=kind):
                return st.lists(self._value(item, name), max_size=2).map(kind)
            case shapes.Array(item=item, kind=kind, size=size):
                return st.lists(self._value(item, name), min_size=size, max_size=size).map(kind)
            case shapes.Tuple(items=items):
                return st.tuples(*(self._value(item, name) for item in items))
            case shapes.Union(path=path) if path.endswith("MultiAddress"):
                return self._accounts.map(Id)
            case shapes.Union(variants=variants):
                return st.one_of(*(self._value(each.struct, name) for each in variants))
            case shapes.Struct():
                return self._struct(shape)
            case _:
                return self._plain(shape)

    def _struct(self, shape: shapes.Struct) -> Values:
        fields = {field.name: self._value(field.shape, field.name) for field in shape.resolve()}
        return st.builds(shape.cls, **fields)

    def _plain(self, shape: shapes.Shape) -> Values:
        match shape:
            case shapes.Uint(size=16):
                return self._amounts
            case shapes.Uint(size=size):
                most = (1 << 8 * size) - 1
                return st.integers(0, 3) | st.sampled_from((50, min(1_000, most)))
            case shapes.Int(size=size):
                least = -(1 << 8 * size - 1)
                return st.integers(-3, 3) | st.sampled_from((least, ~least))
            case shapes.Bool():
                return st.booleans()
            case shapes.Text():
                return st.sampled_from(("text", "v1"))
            case shapes.Bytes():
                return st.binary(max_size=600)
            case shapes.FixedBytes(size=32):
                return self._accounts
            case shapes.FixedBytes(size=size):
                return st.binary(min_size=size, max_size=size)
            case shapes.Enumeration(cls=cls):
                return st.sampled_from(list(cls))
            case shapes.Custom(codec=CallsCodec()):
                return st.deferred(lambda: self.calls)
            case shapes.Custom():
                callers = st.sampled_from((RootCaller(), NoCaller()))
                return callers | self._accounts.map(SignedCaller)
            case _:
                raise NotImplementedError(f"no values of {shape}: give some by the name they have")
