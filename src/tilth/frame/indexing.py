"""What a call brings for the node to keep beside the state: content, under its hash."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Indexed:
    """Bytes of the extrinsic that is running, which the node keeps apart from the block's body.

    As sp_io::transaction_index; a call that fails afterwards does not take it back, for its bytes
    stay in the body.
    """

    hash: bytes
    hashing: int
    """Of which algorithm the hash is, in the order of the Bulletin chain's."""
    extrinsic: int
    data: bytes
    outline: tuple[bytes, ...]
    """What a proof of one of its chunks takes of the others."""
