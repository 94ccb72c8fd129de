"""Who was first, and what resembles what: told of, never a reason to refuse."""

from collections import Counter
from typing import Final, NamedTuple, final

from tilth.frame import (
    H256,
    AccountId,
    StorageDoubleMap,
    StorageMap,
    Twox64,
    codec,
    ensure,
    hashing,
    some,
    u64,
)
from tilth.pallets.datasets.errors import Error
from tilth.pallets.datasets.types import (
    SKETCH,
    Band,
    Claim,
    DatasetId,
    Draft,
    Reservation,
    Revision,
    RevisionNo,
    Sketch,
    Use,
)

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


class Copy(NamedTuple):
    dataset: int
    original: int


@final
class OriginalityBook:
    """Fingerprints, reservations of them, and bands of sketches."""

    def __init__(
        self,
        *,
        claims: StorageMap[H256, Claim],
        reservations: StorageMap[H256, Reservation],
        revisions: StorageDoubleMap[Twox64[DatasetId], Twox64[RevisionNo], Revision],
        bands: StorageMap[Twox64[Band], Use],
    ) -> None:
        self._claims = claims
        self._revisions = revisions
        self._reservations = reservations
        self._bands = bands

    def reserve(self, commitment: H256, reservation: Reservation) -> None:
        ensure(commitment not in self._reservations, Error.ALREADY_RESERVED)
        self._reservations[commitment] = reservation

    def redeem(self, who: AccountId, draft: Draft, salt: H256, now: int) -> Reservation:
        """Use up what was reserved for the publisher."""
        reserved = commitment(draft.fingerprint, who, salt)
        reservation = self._reservations.expect(reserved, Error.RESERVATION_NOT_FOUND)
        ensure(reservation.since < now, Error.RESERVATION_TOO_YOUNG)
        del self._reservations[reserved]
        return reservation

    def claim(self, fingerprint: H256, claim: Claim) -> Copy | None:
        """Enter a claim; returns who copied whom, if another dataset has this fingerprint."""
        known = self._claims.get(fingerprint)
        if known is None:
            self._claims[fingerprint] = claim
            return None
        first, second = known, claim
        if claim.since < known.since:
            self._claims[fingerprint] = first = claim
            second = known
        return None if first.dataset == second.dataset else Copy(second.dataset, first.dataset)

    def liken(self, dataset: int, number: int, sketch: Sketch) -> Likeness | None:
        """Enter a revision's sketch; returns the other dataset that it resembles most, if any."""
        found = Counter[Use]()
        for place, band in enumerate(_bands(sketch)):
            other = self._bands.get((place, band))
            if other is None:
                self._bands[place, band] = (dataset, number)
            elif other[0] != dataset:
                found[other] += 1
        if not found:
            return None
        most = min(found, key=lambda other: (-found[other], other))
        known = some(self._revisions[most].sketch, Error.REVISION_NOT_FOUND)
        return Likeness(most[0], sum(map(int.__eq__, sketch, known)))


def _bands(sketch: Sketch) -> list[int]:
    """Each band's parts as one number."""
    encode = codec(tuple[u64, u64, u64, u64]).encode
    parts = [sketch[start : start + _BAND] for start in range(0, SKETCH, _BAND)]
    return [int.from_bytes(hashing.blake2_256(encode(band))[:8], "little") for band in parts]
