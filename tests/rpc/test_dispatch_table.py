"""The method table: what a function's signature promises on the wire."""

from collections.abc import AsyncIterator
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.rpc.jsonrpc.client import Client, Sink
from tilth.rpc.jsonrpc.dispatch import (
    DeclarationError,
    Form,
    MethodTable,
    parse,
    subscription,
    unsafe,
)
from tilth.rpc.jsonrpc.params import (
    U32,
    U64,
    BlockNumbers,
    Hash,
    Hex,
    Json,
    Misfit,
    NumberOrHex,
    explain,
    read_json,
)
from tilth.rpc.jsonrpc.wire import encode, read


def chain_getBlockHash(node: object, number: BlockNumbers | None = None) -> object:
    return number


def state_getStorage(node: object, key: Hex, at: Hash | None = None) -> object:
    return key, at


def module_of(*functions: object, aliases: object = None) -> ModuleType:
    module = ModuleType(__name__)
    for function in functions:
        setattr(module, getattr(function, "__name__", "other"), function)
    if aliases is not None:
        vars(module)["aliases"] = aliases
    return module


def test_a_module_gives_its_public_functions_and_its_aliases() -> None:
    def _helper(node: object) -> None: ...

    module = module_of(chain_getBlockHash, _helper, aliases={"chain_getHead": chain_getBlockHash})

    table = MethodTable(module)

    assert table.names() == ["chain_getBlockHash", "chain_getHead", "rpc_methods"]
    assert table.get("chain_getHead") is table.get("chain_getBlockHash")


def test_a_module_does_not_give_what_it_only_imports() -> None:
    assert MethodTable(module_of(parse)).names() == ["rpc_methods"]


def test_a_subscription_brings_its_unsubscription_and_both_may_have_aliases() -> None:
    @subscription("chain_newHead", unsubscribe="chain_unsubscribeNewHeads")
    def chain_subscribeNewHeads(node: object, sink: Sink) -> None: ...

    table = MethodTable(
        chain_subscribeNewHeads,
        aliases={
            "subscribe_newHead": chain_subscribeNewHeads,
            "unsubscribe_newHead": "chain_unsubscribeNewHeads",
        },
    )

    assert table.names() == [
        "chain_subscribeNewHeads",
        "chain_unsubscribeNewHeads",
        "rpc_methods",
        "subscribe_newHead",
        "unsubscribe_newHead",
    ]


def test_forms_follow_from_the_kind_of_function() -> None:
    async def later(node: object) -> None: ...

    @subscription("n", unsubscribe="u")
    async def stream(node: object) -> AsyncIterator[int]:
        yield 1

    @subscription("n", unsubscribe="u")
    async def watch(node: object, sink: Sink) -> None: ...

    forms = [parse(function).form for function in (chain_getBlockHash, later, stream, watch)]
    assert forms == [Form.PLAIN, Form.ASYNC, Form.STREAM, Form.ASYNC_SUBSCRIPTION]


def test_unsafe_and_subscription_marks_combine_in_any_order() -> None:
    @unsafe
    @subscription("n", unsubscribe="u")
    def one(node: object, sink: Sink) -> None: ...

    @subscription("n", unsubscribe="u")
    @unsafe
    def other(node: object, sink: Sink) -> None: ...

    assert parse(one).unsafe
    assert parse(other).unsafe
    assert parse(other).topic == parse(one).topic is not None


def no_parameters() -> None: ...
def no_type(node: object, number) -> None: ...  # type: ignore[no-untyped-def]
def unknown_type(node: object, number: complex) -> None: ...
def keyword_only(node: object, *, number: int) -> None: ...
def many(node: object, *numbers: int) -> None: ...
def late_client(node: object, number: int, client: Client) -> None: ...
def sink_without_subscription(node: object, sink: Sink) -> None: ...
async def yields_unmarked(node: object) -> AsyncIterator[int]:
    yield 1


@subscription("n", unsubscribe="u")
def no_sink(node: object) -> None: ...


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (no_parameters, "no_parameters takes nothing; its first parameter must be the node."),
        (no_type, "no_type: parameter number has no type."),
        (unknown_type, "parameter number is a <class 'complex'>, for which there is no reader"),
        (keyword_only, "keyword_only: parameter number must be an ordinary one."),
        (many, "many: parameter numbers must be an ordinary one."),
        (late_client, "late_client must take its Sink and Client right behind the node."),
        (sink_without_subscription, "takes a Sink, but only a @subscription that does not yield"),
        (yields_unmarked, "yields_unmarked yields, but is no @subscription."),
        (no_sink, "no_sink must take a Sink, to notify with."),
    ],
)
def test_each_mistake_in_a_declaration_is_named(function: object, text: str) -> None:
    with pytest.raises(DeclarationError) as error:
        MethodTable(function)  # type: ignore[arg-type]

    assert text in str(error.value)


def test_a_wire_name_is_given_once() -> None:
    with pytest.raises(DeclarationError, match="chain_getBlockHash is declared twice"):
        MethodTable(chain_getBlockHash, chain_getBlockHash)
    with pytest.raises(DeclarationError, match="state_getStorage is declared twice"):
        MethodTable(
            chain_getBlockHash, state_getStorage, aliases={"state_getStorage": chain_getBlockHash}
        )
    with pytest.raises(DeclarationError, match="x stands for missing, which is not in the table"):
        MethodTable(aliases={"x": "missing"})


def test_trailing_parameters_may_be_absent_or_null() -> None:
    method = parse(state_getStorage)

    assert method.bind(["0x01"]) == [b"\1", None]
    assert method.bind(["0x01", None]) == [b"\1", None]
    assert parse(chain_getBlockHash).bind(None) == [None]
    assert parse(chain_getBlockHash).bind([]) == [None]


def test_more_parameters_than_taken_are_ignored_as_by_jsonrpsee() -> None:
    assert parse(chain_getBlockHash).bind([1, 2, 3]) == [1]


def test_a_default_stands_for_an_absent_or_null_parameter() -> None:
    def engine_createBlock(node: object, finalize: bool = False) -> None: ...

    assert parse(engine_createBlock).bind([]) == [False]
    assert parse(engine_createBlock).bind([None]) == [False]
    assert parse(engine_createBlock).bind([True]) == [True]


def test_parameters_by_name_may_be_spelled_in_snake_or_camel_case() -> None:
    def chainHead_v1_unpin(node: object, follow_subscription: str, hashOrHashes: Json) -> None: ...

    method = parse(chainHead_v1_unpin)

    assert method.bind({"followSubscription": "a", "hash_or_hashes": []}) == ["a", []]
    assert method.bind({"follow_subscription": "a", "hashOrHashes": [], "more": 1}) == ["a", []]


def takes(kind: object) -> object:
    def method(node: object, value: object) -> None: ...

    method.__annotations__["value"] = kind
    return method


def complaint(kind: object, params: str) -> str:
    """jsonrpsee's data for a request with these params."""
    text = '{"jsonrpc": "2.0", "id":1,"method":"m", "params" : ' + params + "}"
    method = parse(takes(kind))  # type: ignore[arg-type]
    with pytest.raises(Misfit) as misfit:
        method.bind(read(text)["params"])
    return explain(misfit.value, text, 0)


HASH = "a (both 0x-prefixed or not) hex string with length of 64"


@pytest.mark.parametrize(
    ("kind", "params", "data"),
    [
        (int, "[]", "No more params"),
        (int, '["should be a number"]',
         'invalid type: string "should be a number", expected u64 at line 1 column 20'),
        (int, '[ "x"]', 'invalid type: string "x", expected u64 at line 1 column 4'),
        (int, "[null]", "invalid type: null, expected u64 at line 1 column 4"),
        (int, "[true]", "invalid type: boolean `true`, expected u64 at line 1 column 4"),
        (int, "[{}]", "invalid type: map, expected u64 at line 1 column 0"),
        (int, "[ [1]]", "invalid type: sequence, expected u64 at line 1 column 1"),
        (int, "[1.5]", "invalid type: floating point `1.5`, expected u64 at line 1 column 3"),
        (int, "[1e20]", "invalid type: floating point `1e20`, expected u64 at line 1 column 4"),
        (int, "[1e-7]", "invalid type: floating point `1e-7`, expected u64 at line 1 column 4"),
        (int, "[-1]", "invalid value: integer `-1`, expected u64 at line 1 column 2"),
        (int, "[18446744073709551616]",
         "invalid type: floating point `1.8446744073709552e19`, expected u64 at line 1 column 20"),
        (int, "[1e999]", "number out of range at line 1 column 5"),
        (U32, "[4294967296]",
         "invalid value: integer `4294967296`, expected u32 at line 1 column 10"),
        (str, "[1]", "invalid type: integer `1`, expected a string at line 1 column 1"),
        (str, r'["\ud800"]', "lone leading surrogate in hex escape at line 1 column 8"),
        (bool, "[0]", "invalid type: integer `0`, expected a boolean at line 1 column 1"),
        (Hex, '["0xzz"]', "invalid hex character: z, at 2 at line 1 column 6"),
        (Hex, '["é1"]', "invalid hex character: é, at 0 at line 1 column 5"),
        (Hash, '["0x00"]', f"invalid length 2, expected {HASH} at line 1 column 6"),
        (Hash, "[\n 7]", f"invalid type: integer `7`, expected {HASH} at line 2 column 2"),
        (Hash, f'["{"g" * 64}"]', "invalid hex character: g, at 0 at line 1 column 66"),
        (list[Hex], '["0x"]',
         'invalid type: string "0x", expected a sequence at line 1 column 4'),
        (list[str], '[["a", 2]]',
         "invalid type: integer `2`, expected a string at line 1 column 7"),
        (NumberOrHex, '["0xg"]', "data did not match any variant of untagged enum NumberOrHex"),
        (NumberOrHex, "[-1]", "data did not match any variant of untagged enum NumberOrHex"),
        (BlockNumbers, '[["x"]]', "data did not match any variant of untagged enum ListOrValue"),
        (int, '"bar"', "Invalid params. Expected one of '[', ']' or ',' but found \"\\\"bar\\\"\""),
        (int, "{ }", "missing field `value` at line 1 column 3"),
        (int, '{"value": "x"}',
         'invalid type: string "x", expected u64 at line 1 column 13'),
        (Json, "[1e999]", "number out of range at line 1 column 5"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_described_in_serdes_words(
    kind: object, params: str, data: str
) -> None:
    assert complaint(kind, params) == data


def test_the_second_parameter_is_located_from_its_comma_on() -> None:
    text = '{"params":["0x01",  "0x02"],"id":1,"jsonrpc":"2.0","method":"state_getStorage"}'
    with pytest.raises(Misfit) as misfit:
        parse(state_getStorage).bind(read(text)["params"])

    expected = f"invalid length 2, expected {HASH} at line 1 column 8"
    assert explain(misfit.value, text, 0) == expected


def test_a_misfit_in_a_later_item_of_a_batch_is_located_there() -> None:
    item = '{"method":"m","params":[-1]}'
    text = "[" + '{"params":[ "other" ]},' + item + "]"
    with pytest.raises(Misfit) as misfit:
        parse(takes(int)).bind([-1])  # type: ignore[arg-type]

    assert explain(misfit.value, text, text.index(item)).endswith("at line 1 column 2")


@pytest.mark.parametrize(
    ("kind", "value", "read_as"),
    [
        (Hex, "0x", b""),
        (Hex, "", b""),
        (Hex, "0102", b"\1\2"),
        (Hex, "0x123", b"\1\x23"),
        (Hash, "ab" * 32, b"\xab" * 32),
        (NumberOrHex, "0xff", 255),
        (NumberOrHex, "10", 16),
        (NumberOrHex, "0x" + "f" * 64, 2**256 - 1),
        (BlockNumbers, [1, "0x2"], [1, 2]),
        (BlockNumbers, 7, 7),
        (U64, 2**64 - 1, 2**64 - 1),
        (list[U32], [], []),
        (Json, {"a": [1, None, "é"]}, {"a": [1, None, "é"]}),
    ],
)
def test_right_parameters_are_read(kind: object, value: object, read_as: object) -> None:
    assert parse(takes(kind)).bind([value]) == [read_as]  # type: ignore[arg-type]


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def test_any_json_is_taken_up_to_serdes_depth() -> None:
    assert read_json(nested(127)) == nested(127)
    with pytest.raises(Misfit, match="recursion limit exceeded"):
        read_json(nested(128))


@given(st.binary(max_size=40), st.booleans())
def test_hex_of_any_bytes_reads_back(data: bytes, prefixed: bool) -> None:
    text = ("0x" if prefixed else "") + data.hex()

    assert parse(takes(Hex)).bind([text]) == [data]  # type: ignore[arg-type]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from([int, U32, str, bool, Hex, Hash, list[Hex], NumberOrHex, Json]))
def test_any_json_is_either_read_or_a_located_misfit(value: object, kind: object) -> None:
    text = '{"params":[' + encode(value).decode() + "]}"
    method = parse(takes(kind))  # type: ignore[arg-type]
    try:
        method.bind(read(text)["params"])
    except Misfit as misfit:
        said = explain(misfit, text, 0)
    else:
        said = "read"

    assert said
