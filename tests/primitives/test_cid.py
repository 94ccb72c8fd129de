"""Content identifiers: every form that is read, and none that is wrong."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.primitives.cid import (
    BLAKE2B_256,
    DAG_PB,
    KECCAK_256,
    RAW,
    SHA2_256,
    BadCid,
    Cid,
    decode_cid,
    parse_cid,
)
from tilth.primitives.crypto.hashing import blake2_256, keccak_256, sha2_256
from tilth.primitives.dag_pb import NotAFile, read_file_node
from tilth.primitives.ss58 import to_base58

CIDS = st.builds(
    Cid,
    st.sampled_from([RAW, DAG_PB, 0x71, 0x0200]),
    st.sampled_from([SHA2_256, BLAKE2B_256, KECCAK_256]),
    st.binary(min_size=32, max_size=32),
)


@given(CIDS)
def test_a_cid_is_read_in_every_base_it_is_written_in(cid: Cid) -> None:
    data = cid.encoded
    texts = [str(cid), str(cid).upper(), "f" + data.hex(), "z" + to_base58(data)]

    assert [parse_cid(text) for text in texts] == [cid] * 4
    assert decode_cid(data) == cid


def test_known_identifiers_are_read() -> None:
    # json-rpc-interface-spec, bitswap_v1_get.md
    example = parse_cid("bafk2bzacec5lindttapqst35gv4767ig2vxmcaeherlaubtqhufg4tqqmeen4")
    assert (example.codec, example.hashing) == (RAW, BLAKE2B_256)
    # the empty folder of UnixFS, as every IPFS node knows it
    folder = parse_cid("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")
    assert folder == parse_cid("bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354")
    assert folder.fits(b"\x0a\x02\x08\x01")


@pytest.mark.parametrize(
    ("hashing", "digest"),
    [(SHA2_256, sha2_256), (BLAKE2B_256, blake2_256), (KECCAK_256, keccak_256)],
)
def test_a_cid_fits_its_content_alone(hashing: int, digest: Callable[[bytes], bytes]) -> None:
    cid = Cid(RAW, hashing, digest(b"seed"))

    assert cid.fits(b"seed")
    assert not cid.fits(b"seeds")


GOOD = Cid(RAW, SHA2_256, bytes(32))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        "nonsense",
        "Qm" + "0" * 44,
        str(GOOD)[:-1],
        str(GOOD) + "a",
        str(GOOD).replace("b", "B", 1),
        "b" + "a" * 200,
        "f" + "01551220" + "00" * 31,
        "f" + "01551240" + "00" * 64,
        "f" + "02551220" + "00" * 32,
        "f" + "01551320" + "00" * 32,
        "f" + "8100551220" + "00" * 32,
        "fzz",
        "z0OIl",
        "b💥",
    ],
)
def test_what_is_no_cid_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(BadCid, match="CID"):
        parse_cid(text)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_cid_or_refused(data: bytes) -> None:
    try:
        cid = decode_cid(data)
    except BadCid:
        return
    assert cid.encoded == data or data == bytes((SHA2_256, 32)) + cid.digest


@given(st.binary(max_size=80))
def test_any_bytes_are_a_file_or_refused(data: bytes) -> None:
    try:
        node = read_file_node(data)
    except NotAFile:
        return
    assert node.size >= len(node.data)
