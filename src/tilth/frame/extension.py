"""Transaction extensions: what an extrinsic carries beside its call, and what is done about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from tilth.frame.call import RuntimeCall
from tilth.frame.errors import Reason
from tilth.frame.origin import Origin
from tilth.frame.validity import TransactionSource, ValidTransaction
from tilth.frame.weight import ZERO_WEIGHT, DispatchInfo, PostInfo, Weight
from tilth.primitives.scale import Codecs

VALID: Final = ValidTransaction()


@dataclass(slots=True)
class Transaction:
    """A transaction on its way through the extensions."""

    origin: Origin
    call: RuntimeCall
    info: DispatchInfo
    length: int
    """Bytes of the encoded extrinsic, its length prefix included."""
    source: TransactionSource = TransactionSource.IN_BLOCK
    included: bool = False
    """Whether it is about to be applied, so that nobody asks what orders it in a pool."""
    found: dict[type, Any] = field(default_factory=dict)
    """What an extension found out in `validate` and needs again in `prepare`, by its class."""


class TransactionExtension:
    """One extension; it overrides only what it takes part in.

    `validate` and `prepare` raise InvalidTransactionError; what `prepare` returns comes back in
    `post_dispatch`.
    """

    identifier: ClassVar[str]
    explicit: ClassVar[Any] = None
    """The annotation of the value that the extrinsic carries."""
    implicit: ClassVar[Any] = None
    """The annotation of the value that is only signed."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.identifier = cls.__dict__.get("identifier", cls.__name__)

    def value_for(self, codecs: Codecs, nonce: int) -> Any:
        """What a plain immortal transaction without tip carries."""
        return codecs.of(self.explicit).default

    def implied(self, value: Any) -> Any:
        """What both sides sign without sending it."""
        return None

    def fixed_weight(self) -> Weight | None:
        """What it weighs whatever it carries; None where `weight` must be asked."""
        return ZERO_WEIGHT

    def weight(self, value: Any, call: RuntimeCall) -> Weight:
        return self.fixed_weight() or ZERO_WEIGHT

    def validate(self, value: Any, transaction: Transaction) -> ValidTransaction:
        """May set the transaction's origin. Of an included one nobody looks at what it returns."""
        return VALID

    def prepare(self, value: Any, transaction: Transaction) -> Any:
        """The last check before the call runs; takes what must be taken."""

    def post_dispatch(
        self, prepared: Any, transaction: Transaction, post: PostInfo, failure: Reason | None
    ) -> Weight:
        """After the call; returns the part of the extension's weight that was not used."""
        return ZERO_WEIGHT

    def validate_bare(self, transaction: Transaction) -> ValidTransaction:
        """What remains to check for an extrinsic that carries no extensions."""
        return VALID

    def prepare_bare(self, transaction: Transaction) -> None: ...

    def post_dispatch_bare(self, transaction: Transaction, post: PostInfo) -> None: ...


class Pipeline:
    """A runtime's extensions in the order of the wire; only steps that do something are kept."""

    def __init__(self, extensions: Sequence[TransactionExtension], codecs: Codecs) -> None:
        self.extensions = tuple(extensions)
        self._codecs = codecs
        self.explicit = codecs.of(_tuple(extension.explicit for extension in extensions))
        self.implicit = codecs.of(_tuple(extension.implicit for extension in extensions))
        self._implied = self._overriding("implied")
        self._fixed_weight, self._weighing = _weights(self.extensions)
        self._validating = self._overriding("validate")
        self._preparing = self._overriding("prepare")
        self._finishing = self._overriding("post_dispatch")
        self._validating_bare = self._overriding("validate_bare")
        self._preparing_bare = self._overriding("prepare_bare")
        self._finishing_bare = self._overriding("post_dispatch_bare")

    def _overriding(self, step: str) -> list[tuple[int, Any]]:
        return [
            (position, getattr(extension, step))
            for position, extension in enumerate(self.extensions)
            if getattr(type(extension), step) is not getattr(TransactionExtension, step)
        ]

    def values_for(self, nonce: int) -> tuple[Any, ...]:
        """The values of a plain transaction: immortal, without tip."""
        return tuple(extension.value_for(self._codecs, nonce) for extension in self.extensions)

    def implied(self, values: tuple[Any, ...]) -> bytes:
        """The encoded implicit values; raises where one cannot be computed."""
        implied: list[Any] = [None] * len(self.extensions)
        for position, step in self._implied:
            implied[position] = step(values[position])
        return self.implicit.encode(tuple(implied))

    def weight(self, values: tuple[Any, ...], call: RuntimeCall) -> Weight:
        total = self._fixed_weight
        for position, step in self._weighing:
            total += step(values[position], call)
        return total

    def check(self, values: tuple[Any, ...], transaction: Transaction) -> None:
        """Validate a transaction that is included."""
        for position, step in self._validating:
            step(values[position], transaction)

    def validate(self, values: tuple[Any, ...], transaction: Transaction) -> ValidTransaction:
        valid = VALID
        for position, step in self._validating:
            valid = _combined(valid, step(values[position], transaction))
        return valid

    def prepare(self, values: tuple[Any, ...], transaction: Transaction) -> list[Any]:
        """What each extension prepared, None for the others."""
        prepared: list[Any] = [None] * len(self.extensions)
        for position, step in self._preparing:
            prepared[position] = step(values[position], transaction)
        return prepared

    def post_dispatch(
        self,
        prepared: list[Any],
        transaction: Transaction,
        post: PostInfo,
        failure: Reason | None,
    ) -> PostInfo:
        """Runs every extension's end; each sees the weight that those before it gave back."""
        for position, step in self._finishing:
            unspent = step(prepared[position], transaction, post, failure)
            if unspent is not ZERO_WEIGHT and post.actual_weight is not None:
                post = PostInfo(post.actual_weight - unspent, post.pays_fee)
        return post

    def validate_bare(self, transaction: Transaction) -> ValidTransaction:
        valid = VALID
        for _, step in self._validating_bare:
            valid = _combined(valid, step(transaction))
        return valid

    def prepare_bare(self, transaction: Transaction) -> None:
        for _, step in self._preparing_bare:
            step(transaction)

    def post_dispatch_bare(self, transaction: Transaction, post: PostInfo) -> None:
        for _, step in self._finishing_bare:
            step(transaction, post)


class SignedExtensions(Pipeline):
    """Extensions as they were before stable2412: they weigh nothing, and each checks and prepares
    before the next one does."""

    def __init__(self, extensions: Sequence[TransactionExtension], codecs: Codecs) -> None:
        super().__init__(extensions, codecs)
        self._fixed_weight, self._weighing = ZERO_WEIGHT, []
        validating, preparing = dict(self._validating), dict(self._preparing)
        self._steps = [
            (position, validating.get(position), preparing.get(position))
            for position in sorted(validating.keys() | preparing.keys())
        ]

    def check(self, values: tuple[Any, ...], transaction: Transaction) -> None:
        """Nothing yet: `prepare` asks each in its turn."""

    def prepare(self, values: tuple[Any, ...], transaction: Transaction) -> list[Any]:
        prepared: list[Any] = [None] * len(self.extensions)
        for position, validate, prepare in self._steps:
            if validate is not None:
                validate(values[position], transaction)
            if prepare is not None:
                prepared[position] = prepare(values[position], transaction)
        return prepared


def _combined(valid: ValidTransaction, more: ValidTransaction) -> ValidTransaction:
    if more is VALID:
        return valid
    return more if valid is VALID else valid.combine(more)


def _weights(
    extensions: tuple[TransactionExtension, ...],
) -> tuple[Weight, list[tuple[int, Any]]]:
    """The sum of what is fixed, and which extensions must be asked each time."""
    total, asked = ZERO_WEIGHT, []
    for position, extension in enumerate(extensions):
        fixed = extension.fixed_weight()
        if fixed is None:
            asked.append((position, extension.weight))
        else:
            total += fixed
    return total, asked


def _tuple(annotations: Any) -> Any:
    return tuple[tuple(annotations)]  # type: ignore[misc]
