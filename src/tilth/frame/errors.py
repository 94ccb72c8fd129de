"""Why a call fails: a pallet's own sentences, and the reasons every runtime shares."""

from enum import Enum, IntEnum
from typing import Annotated, Any, Final, TypeAlias, TypeVar, final

from tilth.frame.weight import PostInfo
from tilth.primitives.scale import Fixed, Path, TypeName, scale_enum, struct, u8

T = TypeVar("T")


class ErrorEnum(Enum):
    """A pallet's errors: the name is what clients match, the value the sentence a wallet shows."""


@struct(path="sp_runtime::ModuleError")
class ModuleError:
    """An error of a pallet as it travels: the pallet's index, then the error's, padded to four."""

    index: u8
    error: Annotated[bytes, Fixed(4), TypeName("[u8; MAX_MODULE_ERROR_ENCODED_SIZE]")]


@scale_enum(path="sp_runtime::TokenError")
class TokenError(IntEnum):
    FUNDS_UNAVAILABLE = 0
    ONLY_PROVIDER = 1
    BELOW_MINIMUM = 2
    CANNOT_CREATE = 3
    UNKNOWN_ASSET = 4
    FROZEN = 5
    UNSUPPORTED = 6
    CANNOT_CREATE_HOLD = 7
    NOT_EXPENDABLE = 8
    BLOCKED = 9


@scale_enum(path="sp_arithmetic::ArithmeticError")
class ArithmeticError(IntEnum):
    UNDERFLOW = 0
    OVERFLOW = 1
    DIVISION_BY_ZERO = 2


@scale_enum(path="sp_runtime::TransactionalError")
class TransactionalError(IntEnum):
    LIMIT_REACHED = 0
    NO_LAYER = 1


@scale_enum(path="sp_runtime::proving_trie::TrieError")
class TrieError(IntEnum):
    INVALID_STATE_ROOT = 0
    INCOMPLETE_DATABASE = 1
    VALUE_AT_INCOMPLETE_KEY = 2
    DECODER_ERROR = 3
    INVALID_HASH = 4
    DUPLICATE_KEY = 5
    EXTRANEOUS_NODE = 6
    EXTRANEOUS_VALUE = 7
    EXTRANEOUS_HASH_REFERENCE = 8
    INVALID_CHILD_REFERENCE = 9
    VALUE_MISMATCH = 10
    INCOMPLETE_PROOF = 11
    ROOT_MISMATCH = 12
    DECODE_ERROR = 13


@struct
class Other: ...


@struct
class CannotLookup: ...


@struct
class BadOrigin: ...


@struct(unnamed=True)
class Module:
    error: ModuleError


@struct
class ConsumerRemaining: ...


@struct
class NoProviders: ...


@struct
class TooManyConsumers: ...


@struct(unnamed=True)
class Token:
    error: TokenError


@struct(unnamed=True)
class Arithmetic:
    error: ArithmeticError


@struct(unnamed=True)
class Transactional:
    error: TransactionalError


@struct
class Exhausted: ...


@struct
class Corruption: ...


@struct
class Unavailable: ...


@struct
class RootNotAllowed: ...


@struct(unnamed=True)
class Trie:
    error: TrieError


DispatchError: TypeAlias = Annotated[
    Other
    | CannotLookup
    | BadOrigin
    | Module
    | ConsumerRemaining
    | NoProviders
    | TooManyConsumers
    | Token
    | Arithmetic
    | Transactional
    | Exhausted
    | Corruption
    | Unavailable
    | RootNotAllowed
    | Trie,
    Path("sp_runtime::DispatchError"),
]

OTHER: Final = Other()
CANNOT_LOOKUP: Final = CannotLookup()
BAD_ORIGIN: Final = BadOrigin()
CONSUMER_REMAINING: Final = ConsumerRemaining()
NO_PROVIDERS: Final = NoProviders()
TOO_MANY_CONSUMERS: Final = TooManyConsumers()
ROOT_NOT_ALLOWED: Final = RootNotAllowed()

Reason: TypeAlias = (
    ErrorEnum
    | TokenError
    | ArithmeticError
    | Other
    | CannotLookup
    | BadOrigin
    | Module
    | ConsumerRemaining
    | NoProviders
    | TooManyConsumers
    | Token
    | Arithmetic
    | Transactional
    | Exhausted
    | Corruption
    | Unavailable
    | RootNotAllowed
    | Trie
)
"""What a call may raise: its pallet's error, or one that every runtime shares."""


@final
class DispatchFailure(Exception):
    """A call ended in an error; its writes are undone, its fee is not."""

    def __init__(self, reason: Reason, post_info: PostInfo | None = None) -> None:
        self.reason = _shared(reason)
        self.post_info = post_info or PostInfo()
        super().__init__(reason)

    def __str__(self) -> str:
        reason = self.reason
        if isinstance(reason, ErrorEnum):
            return f"{type(reason).__module__}.{reason.name}: {reason.value}"
        return repr(reason)


def _shared(reason: Reason) -> Reason:
    if isinstance(reason, TokenError):
        return Token(reason)
    if isinstance(reason, ArithmeticError):
        return Arithmetic(reason)
    return reason


def ensure(condition: object, reason: Reason) -> None:
    """Go on only if the condition holds."""
    if not condition:
        raise DispatchFailure(reason)


def some(value: T | None, reason: Reason) -> T:
    """The value, where there is one."""
    if value is None:
        raise DispatchFailure(reason)
    return value


def checked(value: int, bits: int = 128) -> int:
    """An unsigned result that fits its width; otherwise the call fails, as checked sums do."""
    if value < 0:
        raise DispatchFailure(ArithmeticError.UNDERFLOW)
    if value >> bits:
        raise DispatchFailure(ArithmeticError.OVERFLOW)
    return value


def variant_name(member: Enum) -> str:
    """NOT_OWNER is NotOwner in metadata and at clients."""
    return pascal_case(member.name)


def pascal_case(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.lower().split("_"))


def is_pallet_error(reason: Any) -> bool:
    return isinstance(reason, ErrorEnum)
