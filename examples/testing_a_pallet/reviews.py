"""A third party's pallet: readers rate books, and may take it back within a week."""

from tilth.frame import (
    H256,
    AccountId,
    BlockNumber,
    Const,
    Currency,
    DefaultMap,
    ErrorEnum,
    HoldReason,
    Pallet,
    Root,
    Signed,
    StorageDoubleMap,
    call,
    ensure,
    event,
    struct,
    u8,
    u32,
    u128,
)
from tilth.runtime import DevRuntime


@struct
class Rating:
    stars: u8
    since: BlockNumber


@event
class Rated:
    """A reader gave a book some stars."""

    book: H256
    reader: AccountId
    stars: u8


@event
class TakenBack:
    """A reader thought better of it."""

    book: H256
    reader: AccountId


class Error(ErrorEnum):
    NO_SUCH_RATING = "Stars go from one to five."
    RATED_ALREADY = "Every reader rates a book once."
    NOT_RATED = "The reader has not rated this book."
    TOO_LATE = "A rating stands after a week."


class Reviews(Pallet[Rated | TakenBack, Error]):
    currency: Currency
    deposit: Const[u128]
    """What a rating costs until it is taken back."""
    week: Const[BlockNumber]
    """How many blocks a rating may be taken back for."""

    class Hold(HoldReason):
        RATING = "A rating that stands."

    ratings = StorageDoubleMap[H256, AccountId, Rating]()
    """Who gave what."""
    count = DefaultMap[H256, u32]()
    """How many ratings a book has."""

    @call(0)
    def rate(self, who: Signed, book: H256, stars: u8) -> None:
        """Give a book one to five stars."""
        ensure(1 <= stars <= 5, Error.NO_SUCH_RATING)
        ensure((book, who) not in self.ratings, Error.RATED_ALREADY)
        self.currency.hold(self.Hold.RATING, who, self.deposit)
        self.ratings[book, who] = Rating(stars, self._now())
        self.count[book] = self.count[book] + 1
        self.emit(Rated(book, who, stars))

    @call(1)
    def take_back(self, who: Signed, book: H256) -> None:
        """Take one's rating back, and the deposit with it."""
        rating = self.ratings.expect((book, who), Error.NOT_RATED)
        ensure(self._now() < rating.since + self.week, Error.TOO_LATE)
        self._remove(book, who)

    @call(2)
    def remove(self, who: Root, book: H256, reader: AccountId) -> None:
        """Remove a rating, whenever it was made."""
        ensure((book, reader) in self.ratings, Error.NOT_RATED)
        self._remove(book, reader)

    def _remove(self, book: H256, reader: AccountId) -> None:
        del self.ratings[book, reader]
        self.count[book] = self.count[book] - 1
        self.currency.release(self.Hold.RATING, reader, self.deposit)
        self.emit(TakenBack(book, reader))

    def _now(self) -> int:
        return int(self.runtime.system.block_number())

    def try_state(self) -> None:
        for book, count in self.count.items():
            assert count == len(list(self.ratings.keys(book))), "the count is not of the ratings"


class ReviewsRuntime(DevRuntime):
    """Run it: tilth dev --runtime reviews:ReviewsRuntime"""

    def __init__(self) -> None:
        super().__init__()
        self.reviews = self.add(40, Reviews(currency=self.balances, deposit=100, week=100_800))
