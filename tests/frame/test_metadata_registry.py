"""The types that our metadata refers to: each there, once, and the same in every process."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tilth.frame import codec
from tilth.frame.metadata import v14, v15
from tilth.primitives.scale.info import (
    ArrayDef,
    CompactDef,
    CompositeDef,
    SequenceDef,
    TupleDef,
    Type,
    VariantDef,
)
from tilth.runtime import DevRuntime


@pytest.fixture(scope="module")
def runtime() -> DevRuntime:
    return DevRuntime()


def numbers_in(described: Type) -> Iterator[int]:
    yield from (p.type for p in described.type_params if p.type is not None)
    match described.type_def:
        case CompositeDef(fields):
            yield from (f.type for f in fields)
        case VariantDef(variants):
            yield from (f.type for v in variants for f in v.fields)
        case SequenceDef(item) | CompactDef(item) | ArrayDef(type=item):
            yield item
        case TupleDef(items):
            yield from items
        case _:
            pass


def roots_of(body: v15.V15) -> Iterator[int]:
    for pallet in body.pallets:
        yield from (n for n in (pallet.calls, pallet.event, pallet.error) if n is not None)
        yield from (constant.type for constant in pallet.constants)
        for stored in pallet.storage.entries if pallet.storage else ():
            yield stored.type.value
            yield from (stored.type.key,) if isinstance(stored.type, v14.Map) else ()
    extrinsic, enums = body.extrinsic, body.outer_enums
    yield from (extrinsic.address, extrinsic.call, extrinsic.signature, extrinsic.extra)
    yield from (n for e in extrinsic.extensions for n in (e.type, e.implicit))
    yield from (enums.call, enums.event, enums.error, body.runtime)
    for api in body.apis:
        for method in api.methods:
            yield from (method.output, *(p.type for p in method.inputs))


def test_every_type_is_there_once_and_is_referred_to(runtime: DevRuntime) -> None:
    metadata: v15.MetadataV15 = codec(v15.MetadataV15).decode(runtime.metadata(15))
    types = {one.id: one.type for one in metadata.body.types.types}
    reached: set[int] = set()
    ahead = list(roots_of(metadata.body))
    while ahead:
        number = ahead.pop()
        if number not in reached:
            reached.add(number)
            ahead.extend(numbers_in(types[number]))

    assert list(types) == list(range(len(types)))
    assert reached == set(types)
    assert len(set(types.values())) == len(types)


def test_metadata_is_the_same_in_every_process(runtime: DevRuntime) -> None:
    code = (
        "from tilth.runtime import DevRuntime; r = DevRuntime(); "
        "print(*(r.metadata(v).hex() for v in (14, 15, 16)))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4242"}
    other = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert other.stdout.split() == [runtime.metadata(v).hex() for v in (14, 15, 16)]
