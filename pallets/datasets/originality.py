"""Who was first, and what resembles what: told of, never a reason to refuse."""

from collections import Counter
from typing import Final, NamedTuple, final

from tilth.frame import (
    H256,
    AccountId,
    BlockNumber,
    StorageMap,
    Twox64,
    codec,
    ensure,
    hashing,
    u8,
    u64,
)
from tilth.pallets.datasets.errors import Error
from tilth.pallets.datasets.types import SKETCH, Claim, DatasetId, Draft, Sketch

# Four of the sketch's parts to a band: of two datasets that share 80 % of their rows, nearly all
# share a band; of two that share 20 %, one in forty.
_BAND: Final = 4
_RESERVATION: Final = codec(tuple[H256, AccountId, H256])


def commitment(fingerprint: bytes, who: bytes, salt: bytes) -> H256:
    """What is reserved: it tells nobody which fingerprint it is of."""
    return H256(
        hashing.blake2_256(_RESERVATION.encode((H256(fingerprint), AccountId(who), H256(salt))))
    )


class Likeness(NamedTuple):
    dataset: int
    alike: int
    """Equal parts of a sketch's 64."""


@final
class OriginalityBook:
    """Fingerprints, reservations of them, and bands of sketches."""

    def __init__(
        self,
        *,
        claims: StorageMap[H256, Claim],
        reservations: StorageMap[H256, BlockNumber],
        bands: StorageMap[Twox64[tuple[u8, u64]], tuple[DatasetId, Sketch]],
    ) -> None:
        self._claims = claims
        self._reservations = reservations
        self._bands = bands

    def reserve(self, commitment: H256, now: int) -> None:
        ensure(commitment not in self._reservations, Error.ALREADY_RESERVED)
        self._reservations[commitment] = now

    def since(self, who: AccountId, draft: Draft, salt: H256 | None, now: int) -> int:
        """From when the publisher claims the fingerprint; a reservation is used up by that."""
        if salt is None:
            return now
        reserved = commitment(draft.fingerprint, who, salt)
        block = self._reservations.expect(reserved, Error.RESERVATION_NOT_FOUND)
        ensure(block < now, Error.RESERVATION_TOO_YOUNG)
        del self._reservations[reserved]
        return block

    def claim(self, fingerprint: H256, claim: Claim) -> int | None:
        """Enter a claim; returns the other dataset with this fingerprint, if there is one."""
        first = self._claims.get(fingerprint)
        if first is None or claim.since < first.since:
            self._claims[fingerprint] = claim
        return None if first is None or first.dataset == claim.dataset else first.dataset

    def liken(self, dataset: int, sketch: Sketch) -> Likeness | None:
        """Enter a sketch; returns the other dataset that it resembles most, if it does any."""
        found = Counter[int]()
        known: dict[int, Sketch] = {}
        for number, band in enumerate(_bands(sketch)):
            other = self._bands.get((number, band))
            if other is None:
                self._bands[number, band] = (dataset, sketch)
            elif other[0] != dataset:
                found[other[0]] += 1
                known[other[0]] = other[1]
        if not found:
            return None
        most = min(found, key=lambda other: (-found[other], other))
        return Likeness(most, sum(map(int.__eq__, sketch, known[most])))


def _bands(sketch: Sketch) -> list[int]:
    """Each band's parts as one number."""
    encode = codec(tuple[u64, u64, u64, u64]).encode
    parts = [sketch[start : start + _BAND] for start in range(0, SKETCH, _BAND)]
    return [int.from_bytes(hashing.blake2_256(encode(band))[:8], "little") for band in parts]
