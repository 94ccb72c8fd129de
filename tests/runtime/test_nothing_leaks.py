"""Whatever a job is, no row's value stands in logs, blocks, events, state, files or results."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tilth.engine import confinement, linear
from tilth.frame import H256
from tilth.node.service import Node
from tilth.pallets.compute import (
    EvaluateSpec,
    Histogram,
    InferSpec,
    Loss,
    Mean,
    Quantiles,
    StatisticsSpec,
)
from tilth.primitives.crypto.sealing import SealingKey
from tilth.sdk import JobRefunded, JobSpec
from tilth.vault import PrivateTable, Table

pytestmark = pytest.mark.skipif(not confinement().sufficient, reason="no Landlock or no seccomp")

KEY = SealingKey.generate()
GRID = tuple(range(-2_000_000, 2_000_001, 500_000))


def traces(table: Table) -> Iterator[bytes]:
    """What one would look for: cells as text, neighbouring cells as numbers, scaled or not."""
    scaled = PrivateTable(table).batch(np.arange(len(table)))[0]
    for cells in (table.features, scaled):
        for row in cells:
            raw = row.astype("<f4").tobytes()
            yield from (raw[at : at + 8] for at in range(0, len(raw) - 4, 4))
            yield row.astype("<f8").tobytes()[:16]
            yield from (f"{abs(float(cell)):.7f}"[:8].encode() for cell in row)


def found_in(place: bytes, table: Table) -> list[bytes]:
    return [trace for trace in traces(table) if trace in place]


def everything_public(node: Node) -> Iterator[bytes]:
    """Blocks with their bodies, and every value of every state, events among them."""
    block = node.chain.best
    while block.number:
        yield from block.extrinsics
        yield from (value for _, value in block.state.items())
        parent = node.chain.block(H256(block.header.parent_hash))
        assert parent is not None
        block = parent


def jobs(office: Any) -> Iterator[tuple[JobSpec, bytes]]:
    """One of each kind, and some that end badly."""
    model = linear(3, 2)
    questions = (Mean(0, *GRID[:: len(GRID) - 1]), Histogram(1, GRID), Quantiles(2, GRID, (500,)))
    width = 1 + 2 * (len(GRID) - 1)
    listed = office.spec(KEY, work=InferSpec(), max_output_bytes=4_096)
    yield office.spec(KEY), model
    yield office.spec(KEY, work=EvaluateSpec(Loss.SOFTMAX_CROSS_ENTROPY, 2_000, 10**6)), model
    yield office.spec(KEY, b"", work=StatisticsSpec(questions, 1_000), params=width), b""
    yield listed, model  # the chain lists it, the vault does not
    office.vault.ledger("patients").allow(listed.hash)
    yield listed, model
    yield office.spec(KEY, linear(5, 2), params=12), linear(5, 2)
    yield office.spec(KEY, b"no model at all"), b"no model at all"
    yield replace(office.spec(KEY), max_output_bytes=10), model


def test_no_row_shows_anywhere(
    office: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    listed = office.spec(KEY, work=InferSpec(), max_output_bytes=4_096).hash
    opened, refused = list[bytes](), list[str]()

    with office.terms(exact_specs=(listed,)):
        for spec, model in jobs(office):
            job = office.order(spec, model)
            try:
                job.wait(timeout=60)
            except JobRefunded as error:
                refused.append(str(error))
            else:
                opened.append(job.result(KEY))

    assert (len(opened), len(refused)) == (4, 4), refused
    said = "\n".join([caplog.text, *capfd.readouterr(), *refused]).encode()
    assert b"ledger" in said, "the logs are read"
    public = b"\n".join(office.node.run(lambda node: list(everything_public(node))))
    assert office.spec(KEY).model in public, "the chain is read"
    for name in ("patients", "visits"):  # made of the schema alone, and full of numbers
        public = public.replace(office.vault.registration(name).mock, b"")
    kept = b"\n".join(path.read_bytes() for path in office.folder.rglob("*") if path.is_file())
    for place in (said, public, kept, *opened):
        assert found_in(place, office.table) == []


def test_a_row_that_showed_would_be_found(office: Any) -> None:
    row = office.table.features[7]

    assert found_in(b"job 3: " + str(float(row[1])).encode(), office.table)
    assert found_in(b"\0" + row.astype("<f4").tobytes(), office.table)
    assert found_in(office.rows[7].astype("<f4").tobytes(), office.table)
