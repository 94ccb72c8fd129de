"""What the system pallet reports, and why its calls fail."""

from typing import Annotated

from tilth.frame import H256, AccountId, DispatchError, ErrorEnum, Release, TypeName, event, since
from tilth.pallets.system.types import DispatchEventInfo


@event
class ExtrinsicSuccess:
    """An extrinsic was applied and its call succeeded."""

    dispatch_info: DispatchEventInfo


@event
class ExtrinsicFailed:
    """An extrinsic was applied, but its call failed."""

    dispatch_error: DispatchError
    dispatch_info: DispatchEventInfo


@event
class CodeUpdated:
    """The runtime's code was replaced."""


@event
class NewAccount:
    """An account came into existence."""

    account: Annotated[AccountId, TypeName("T::AccountId")]


@event
class KilledAccount:
    """An account ceased to exist."""

    account: Annotated[AccountId, TypeName("T::AccountId")]


@event
class Remarked:
    """Somebody left a remark."""

    sender: Annotated[AccountId, TypeName("T::AccountId")]
    hash: Annotated[H256, TypeName("T::Hash")]


@event
class UpgradeAuthorized:
    """New code with this hash may be applied by anybody."""

    code_hash: Annotated[H256, TypeName("T::Hash")]
    check_version: bool


@since(Release.STABLE2503)
@event
class RejectedInvalidAuthorizedUpgrade:
    """The authorized code cannot be applied; the authorization is spent."""

    code_hash: Annotated[H256, TypeName("T::Hash")]
    error: DispatchError


class Error(ErrorEnum):
    INVALID_SPEC_NAME = "The new runtime is of another specification than this one."
    SPEC_VERSION_NEEDS_TO_INCREASE = "The new runtime's specification version is not higher."
    FAILED_TO_EXTRACT_RUNTIME_VERSION = "The new runtime does not say which version it is."
    NON_DEFAULT_COMPOSITE = "The account still holds data and cannot be removed."
    NON_ZERO_REF_COUNT = "Something still refers to the account, so it cannot be removed."
    CALL_FILTERED = "The origin may not make this call."
    MULTI_BLOCK_MIGRATIONS_ONGOING = "A migration is under way; code is replaced after it."
    NOTHING_AUTHORIZED = "No upgrade is authorized."
    UNAUTHORIZED = "This is not the code that was authorized."
