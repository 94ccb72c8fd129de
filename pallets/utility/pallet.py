"""Utility: several calls as one, and calls in another's name."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeAlias

from tilth.frame import (
    BAD_ORIGIN,
    ROOT,
    ZERO_WEIGHT,
    AccountId,
    AnyOrigin,
    AssociatedType,
    DispatchClass,
    DispatchError,
    DispatchFailure,
    DispatchInfo,
    Err,
    ErrorEnum,
    ExtraConst,
    NoCaller,
    Ok,
    Origin,
    OriginCaller,
    Pallet,
    PostInfo,
    Reason,
    Release,
    Result,
    Root,
    RuntimeCall,
    SignedCaller,
    TypeName,
    Weight,
    call,
    ensure,
    ensure_signed,
    event,
    hashing,
    since,
    u16,
    u32,
)
from tilth.pallets.utility.weights import WEIGHTS

Call: TypeAlias = Annotated[RuntimeCall, TypeName("Box<<T as Config>::RuntimeCall>")]
Calls: TypeAlias = Annotated[tuple[RuntimeCall, ...], TypeName("Vec<<T as Config>::RuntimeCall>")]
Outcome: TypeAlias = Annotated[Result[None, DispatchError], TypeName("DispatchResult")]

_SEED: Final = b"modlpy/utilisuba"


@event
class BatchInterrupted:
    """A call of the batch failed; those before it stand, those after it were not made."""

    index: u32
    error: DispatchError


@event
class BatchCompleted:
    """Every call of the batch succeeded."""


@event
class BatchCompletedWithErrors:
    """Every call of the batch was made, and some failed."""


@event
class ItemCompleted:
    """A call of the batch succeeded."""


@event
class ItemFailed:
    """A call of the batch failed."""

    error: DispatchError


@event
class DispatchedAs:
    """A call was made in another origin's name; it may have failed."""

    result: Outcome


@since(Release.STABLE2503)
@event
class IfElseMainSuccess:
    """The first call succeeded; its fallback was not made."""


@since(Release.STABLE2503)
@event
class IfElseFallbackCalled:
    """The first call failed, and its fallback succeeded."""

    main_error: DispatchError


class Error(ErrorEnum):
    TOO_MANY_CALLS = "The batch has too many calls."


def _batch_info(name: str) -> Callable[["Utility", Calls], DispatchInfo]:
    def info(pallet: "Utility", calls: Calls) -> DispatchInfo:
        weight = pallet.own_weight(name, len(calls))
        for inner in calls:
            weight += inner.info.call_weight
        normal = any(inner.info.dispatch_class is DispatchClass.NORMAL for inner in calls)
        return DispatchInfo(weight, DispatchClass.NORMAL if normal else DispatchClass.OPERATIONAL)

    return info


def _derivative_info(pallet: "Utility", index: int, call: RuntimeCall) -> DispatchInfo:
    weight = pallet.derivative_weight() + call.info.call_weight
    return DispatchInfo(weight, call.info.dispatch_class)


def _in_name_info(name: str) -> Callable[["Utility", object, RuntimeCall], DispatchInfo]:
    def info(pallet: "Utility", origin: object, call: RuntimeCall) -> DispatchInfo:
        weight = pallet.own_weight(name) + call.info.call_weight
        return DispatchInfo(weight, call.info.dispatch_class)

    return info


def _if_else_info(pallet: "Utility", main: RuntimeCall, fallback: RuntimeCall) -> DispatchInfo:
    """Normal unless both calls are operational."""
    both = main.info, fallback.info
    weight = pallet.own_weight("if_else") + both[0].call_weight + both[1].call_weight
    urgent = all(info.dispatch_class is DispatchClass.OPERATIONAL for info in both)
    return DispatchInfo(weight, DispatchClass.OPERATIONAL if urgent else DispatchClass.NORMAL)


def _given_weight(pallet: "Utility", call: RuntimeCall, weight: Weight) -> DispatchInfo:
    return DispatchInfo(weight, call.info.dispatch_class)


class Utility(
    Pallet[
        BatchInterrupted
        | BatchCompleted
        | BatchCompletedWithErrors
        | ItemCompleted
        | ItemFailed
        | DispatchedAs
        | IfElseMainSuccess
        | IfElseFallbackCalled,
        Error,
    ]
):
    associated = (
        AssociatedType("RuntimeCall", RuntimeCall, "The calls of all pallets."),
        AssociatedType("PalletsOrigin", OriginCaller, "The origins of all pallets."),
    )
    weights = WEIGHTS

    # what fits into FRAME's largest allocation, at the size of a call there
    batched_calls_limit: ExtraConst[u32] = 10_922
    """Most calls of a batch."""

    @call(0, info=_batch_info("batch"))
    def batch(self, who: AnyOrigin, calls: Calls) -> PostInfo:
        """Make calls in turn, until one fails."""
        self._ensure_batchable(who, calls)
        spent = ZERO_WEIGHT
        for index, inner in enumerate(calls):
            post, failure = _attempt(inner, who)
            spent += post.weight(inner.info)
            if failure is not None:
                self.emit(BatchInterrupted(index, self.runtime.dispatch_error(failure)))
                return PostInfo(self.own_weight("batch", index + 1) + spent)
            self.emit(ItemCompleted())
        self.emit(BatchCompleted())
        return PostInfo(self.own_weight("batch", len(calls)) + spent)

    @call(1, info=_derivative_info)
    def as_derivative(self, who: AnyOrigin, index: u16, call: Call) -> PostInfo:
        """Make a call as one of the caller's derived accounts."""
        derived = SignedCaller(derivative(ensure_signed(who), index))
        post, failure = _attempt(call, who.as_caller(derived))
        spent = PostInfo(self.derivative_weight() + post.weight(call.info))
        if failure is not None:
            raise DispatchFailure(failure, spent)
        return spent

    @call(2, info=_batch_info("batch_all"))
    def batch_all(self, who: AnyOrigin, calls: Calls) -> PostInfo:
        """Make calls in turn; if one fails, none was made."""
        self._ensure_batchable(who, calls)
        origin, spent = who.restricted(self._is_no_batch_all), ZERO_WEIGHT
        for index, inner in enumerate(calls):
            post, failure = _attempt(inner, origin)
            spent += post.weight(inner.info)
            if failure is not None:
                own = self.own_weight("batch_all", index + 1)
                raise DispatchFailure(failure, PostInfo(own + spent))
            self.emit(ItemCompleted())
        self.emit(BatchCompleted())
        return PostInfo(self.own_weight("batch_all", len(calls)) + spent)

    @call(3, info=_in_name_info("dispatch_as"))
    def dispatch_as(self, who: Root, as_origin: OriginCaller, call: Call) -> None:
        """Make a call in another origin's name."""
        _, failure = _bypassing(call, Origin(as_origin))
        result: Any = Ok(None) if failure is None else Err(self.runtime.dispatch_error(failure))
        self.emit(DispatchedAs(result))

    @call(4, info=_batch_info("force_batch"))
    def force_batch(self, who: AnyOrigin, calls: Calls) -> PostInfo:
        """Make all calls, whichever fail."""
        self._ensure_batchable(who, calls)
        spent, failed = ZERO_WEIGHT, False
        for inner in calls:
            post, failure = _attempt(inner, who)
            spent += post.weight(inner.info)
            if failure is None:
                self.emit(ItemCompleted())
            else:
                failed = True
                self.emit(ItemFailed(self.runtime.dispatch_error(failure)))
        self.emit(BatchCompletedWithErrors() if failed else BatchCompleted())
        # before that, utility/src/lib.rs reports the weight of the other batch
        own = "force_batch" if self.runtime.release >= Release.STABLE2512 else "batch"
        return PostInfo(self.own_weight(own, len(calls)) + spent)

    @call(5, info=_given_weight)
    def with_weight(self, who: Root, call: Call, weight: Weight) -> None:
        """Make a call as root that weighs as much as is said here."""
        _, failure = _bypassing(call, ROOT)
        if failure is not None:
            raise DispatchFailure(failure)

    @since(Release.STABLE2503)
    @call(6, info=_if_else_info)
    def if_else(self, who: AnyOrigin, main: Call, fallback: Call) -> PostInfo:
        """Make a call; if it fails, make another instead."""
        ensure(type(who.caller) is not NoCaller, BAD_ORIGIN)
        post, failure = _attempt(main, who)
        spent = self.own_weight("if_else") + post.weight(main.info)
        if failure is None:
            self.emit(IfElseMainSuccess())
            return PostInfo(spent)
        post, second = _attempt(fallback, who)
        spent += post.weight(fallback.info)
        if second is not None:
            raise DispatchFailure(second, PostInfo(spent))
        self.emit(IfElseFallbackCalled(self.runtime.dispatch_error(failure)))
        return PostInfo(spent)

    @since(Release.STABLE2503)
    @call(7, info=_in_name_info("dispatch_as_fallible"))
    def dispatch_as_fallible(self, who: Root, as_origin: OriginCaller, call: Call) -> None:
        """Make a call in another origin's name; fails if the call fails."""
        _, failure = _bypassing(call, Origin(as_origin))
        if failure is not None:
            raise DispatchFailure(failure)
        self.emit(DispatchedAs(Ok(None)))

    def own_weight(self, name: str, count: int = 0) -> Weight:
        """What a call weighs beside the calls in it."""
        each = self.priced(self.weights.get(f"{name}_each"))
        return self.priced(self.weights.get(name)) + each * count

    def derivative_weight(self) -> Weight:
        """The inner call reads and writes an account more than was measured."""
        return self.own_weight("as_derivative") + self.runtime.db_weight.of(reads=1, writes=1)

    def _is_no_batch_all(self, call: RuntimeCall) -> bool:
        return call.method.prefix != self.batch_all.prefix

    def _ensure_batchable(self, origin: Origin, calls: Sequence[RuntimeCall]) -> None:
        ensure(type(origin.caller) is not NoCaller, BAD_ORIGIN)
        ensure(len(calls) <= self.batched_calls_limit, Error.TOO_MANY_CALLS)


def derivative(who: AccountId, index: int) -> AccountId:
    """The account that is another's by number."""
    return AccountId(hashing.blake2_256(_SEED + who + index.to_bytes(2, "little")))


def _attempt(call: RuntimeCall, origin: Origin) -> tuple[PostInfo, Reason | None]:
    try:
        return call.dispatch(origin), None
    except DispatchFailure as failure:
        return failure.post_info, failure.reason


def _bypassing(call: RuntimeCall, origin: Origin) -> tuple[PostInfo, Reason | None]:
    try:
        return call.dispatch_bypassing_filter(origin), None
    except DispatchFailure as failure:
        return failure.post_info, failure.reason
