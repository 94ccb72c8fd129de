"""The system pallet's transaction extensions: version, chain, mortality, nonce and weight."""

from typing import Any, ClassVar

from tilth.frame import (
    H256,
    VALID,
    ZERO_WEIGHT,
    AccountId,
    Codecs,
    Compact,
    DispatchClass,
    Nonce,
    PostInfo,
    Reason,
    Release,
    RuntimeCall,
    Transaction,
    TransactionExtension,
    ValidTransaction,
    Weight,
    invalid,
    struct,
    u32,
    validity,
)
from tilth.pallets.system.limits import U64_MAX, WeightPerClass, WeightsOfClass
from tilth.pallets.system.pallet import System
from tilth.primitives.types import Era


class _SystemExtension(TransactionExtension):
    def __init__(self, system: System) -> None:
        self.system = system


class _Weighed(_SystemExtension):
    """An extension that was benchmarked."""

    weight_name: ClassVar[str]

    def fixed_weight(self) -> Weight:
        return self.system.extension_weight(self.weight_name)


@struct(path="frame_system::extensions::authorize_call::AuthorizeCall", params={"T": ...})
class _Authorize: ...


class AuthorizeCall(TransactionExtension):
    """Calls that nobody signs may vouch for themselves; none of ours does."""

    explicit = _Authorize


@struct(
    path="frame_system::extensions::check_non_zero_sender::CheckNonZeroSender", params={"T": ...}
)
class _NonZeroSender: ...


class CheckNonZeroSender(_Weighed):
    """The all-zero account signs nothing."""

    explicit = _NonZeroSender
    weight_name = "check_non_zero_sender"

    def validate(self, value: Any, transaction: Transaction) -> ValidTransaction:
        signer = transaction.origin.signer
        if signer is not None and not any(signer):
            raise invalid(validity.BadSigner())
        return VALID


@struct(path="frame_system::extensions::check_spec_version::CheckSpecVersion", params={"T": ...})
class _SpecVersion: ...


class CheckSpecVersion(_Weighed):
    """The transaction was made for this version of the runtime."""

    explicit = _SpecVersion
    implicit = u32
    weight_name = "check_spec_version"

    def implied(self, value: Any) -> int:
        return self.system.runtime.spec_version


@struct(path="frame_system::extensions::check_tx_version::CheckTxVersion", params={"T": ...})
class _TxVersion: ...


class CheckTxVersion(_Weighed):
    """The transaction was made for this version of the format."""

    explicit = _TxVersion
    implicit = u32
    weight_name = "check_tx_version"

    def implied(self, value: Any) -> int:
        return self.system.runtime.transaction_version


@struct(path="frame_system::extensions::check_genesis::CheckGenesis", params={"T": ...})
class _Genesis: ...


class CheckGenesis(_Weighed):
    """The transaction was made for this chain."""

    explicit = _Genesis
    implicit = H256
    weight_name = "check_genesis"

    def implied(self, value: Any) -> H256:
        return self.system.block_hash[0]


@struct(
    path="frame_system::extensions::check_mortality::CheckMortality",
    params={"T": ...},
    unnamed=True,
)
class _Mortality:
    era: Era


class CheckMortality(_SystemExtension):
    """The transaction lives only for its era."""

    explicit = _Mortality
    implicit = H256

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self._immortal = system.extension_weight("check_mortality_immortal_transaction")
        self._mortal = system.extension_weight("check_mortality_mortal_transaction")

    def implied(self, value: _Mortality) -> H256:
        birth = value.era.birth(self.system.number.get())
        if birth not in self.system.block_hash:
            raise invalid(validity.AncientBirthBlock())
        return self.system.block_hash[birth]

    def fixed_weight(self) -> None:
        return None

    def weight(self, value: _Mortality, call: RuntimeCall) -> Weight:
        return self._mortal if value.era.period else self._immortal

    def validate(self, value: _Mortality, transaction: Transaction) -> ValidTransaction:
        if transaction.included:
            return VALID
        now = self.system.number.get()
        return ValidTransaction(longevity=max(value.era.death(now) - now, 0))


@struct(path="frame_system::extensions::check_nonce::CheckNonce", params={"T": ...}, unnamed=True)
class _Nonce:
    nonce: Compact[Nonce]


class CheckNonce(_Weighed):
    """Each account's transactions are numbered and applied in their order, once."""

    explicit = _Nonce
    weight_name = "check_nonce"

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self._tag = system.runtime.codecs.of(tuple[AccountId, Nonce])

    def value_for(self, codecs: Codecs, nonce: int) -> _Nonce:
        return _Nonce(nonce)

    def validate(self, value: _Nonce, transaction: Transaction) -> ValidTransaction:
        signer = transaction.origin.signer
        if signer is None:
            return VALID
        account = self.system.account[signer]
        if account.providers == 0 and account.sufficients == 0:
            raise invalid(validity.Payment())
        if value.nonce < account.nonce:
            raise invalid(validity.Stale())
        if transaction.included:
            return VALID
        provides = (self._tag.encode((signer, value.nonce)),)
        requires: tuple[bytes, ...] = ()
        if account.nonce < value.nonce:
            requires = (self._tag.encode((signer, value.nonce - 1)),)
        return ValidTransaction(requires=requires, provides=provides)

    def prepare(self, value: _Nonce, transaction: Transaction) -> bool:
        signer = transaction.origin.signer
        if signer is None:
            return False
        account = self.system.account[signer]
        if value.nonce > account.nonce:
            raise invalid(validity.Future())
        self.system.account[signer] = account.with_nonce(account.nonce + 1)
        return True

    def post_dispatch(
        self, prepared: bool, transaction: Transaction, post: PostInfo, failure: Reason | None
    ) -> Weight:
        return ZERO_WEIGHT if prepared else self.weight(None, transaction.call)


@struct(path="frame_system::extensions::check_weight::CheckWeight", params={"T": ...})
class _CheckWeight: ...


class CheckWeight(_Weighed):
    """A block holds no more weight and length than its limits."""

    explicit = _CheckWeight
    weight_name = "check_weight"

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self._limits = [system.block_weights.per_class.of(each) for each in DispatchClass]
        self._most_bytes = [system.block_length.max.of(each) for each in DispatchClass]
        counts_length = system.runtime.release >= Release.STABLE2512
        self._alone = _with_length if counts_length else _without_length

    def validate(self, value: Any, transaction: Transaction) -> ValidTransaction:
        transaction.found[CheckWeight] = self._next_length(transaction)
        limit = self._limits[transaction.info.dispatch_class].max_extrinsic
        if limit is not None and self._alone(transaction).any_gt(limit):
            raise invalid(validity.ExhaustsResources())
        return VALID

    def prepare(self, value: Any, transaction: Transaction) -> None:
        length: int = transaction.found[CheckWeight]
        self.system.block_weight.put(self._next_weight(transaction))
        self.system.rules.bytes_so_far.put(length)

    def post_dispatch(
        self, prepared: Any, transaction: Transaction, post: PostInfo, failure: Reason | None
    ) -> Weight:
        self.system.reclaim(transaction.info, post)
        return ZERO_WEIGHT

    def validate_bare(self, transaction: Transaction) -> ValidTransaction:
        return self.validate(None, transaction)

    def prepare_bare(self, transaction: Transaction) -> None:
        self.prepare(None, transaction)

    def post_dispatch_bare(self, transaction: Transaction, post: PostInfo) -> None:
        self.system.reclaim(transaction.info, post)

    def _next_length(self, transaction: Transaction) -> int:
        length = (self.system.rules.bytes_so_far.get() or 0) + transaction.length
        if length > self._most_bytes[transaction.info.dispatch_class]:
            raise invalid(validity.ExhaustsResources())
        return length

    def _next_weight(self, transaction: Transaction) -> WeightPerClass:
        info, now = transaction.info, self.system.block_weight.get()
        limits, most = self._limits[info.dispatch_class], self.system.block_weights.max_block
        before, own, base = now.of(info.dispatch_class), info.total_weight, limits.base_extrinsic
        # the extrinsic itself travels in the proof
        proof_size = before.proof_size + own.proof_size + base.proof_size + transaction.length
        ref_time = before.ref_time + own.ref_time + base.ref_time
        if ref_time > U64_MAX or proof_size > U64_MAX:
            of_class = _beyond(before, own + base + Weight(0, transaction.length), limits)
        else:
            of_class = Weight(ref_time, proof_size)
        if limits.max_total is not None and of_class.any_gt(limits.max_total):
            raise invalid(validity.ExhaustsResources())
        weight = now.with_class(info.dispatch_class, of_class)
        reserved = limits.reserved
        if reserved is not None and of_class.any_gt(reserved) and weight.total.any_gt(most):
            raise invalid(validity.ExhaustsResources())
        return weight


def _beyond(before: Weight, more: Weight, limits: WeightsOfClass) -> Weight:
    """A sum that is too large for its type: it fits nowhere but in a class without limits."""
    ref_time, proof_size = before.ref_time + more.ref_time, before.proof_size + more.proof_size
    limited = limits.max_total is not None or limits.reserved is not None
    if limited and (ref_time > U64_MAX or proof_size > U64_MAX):
        raise invalid(validity.ExhaustsResources())
    return before + more


def _without_length(transaction: Transaction) -> Weight:
    return transaction.info.total_weight


def _with_length(transaction: Transaction) -> Weight:
    weight = transaction.info.total_weight
    return Weight(weight.ref_time, min(weight.proof_size + transaction.length, U64_MAX))


@struct(path="frame_system::extensions::weight_reclaim::WeightReclaim", params={"T": ...})
class _WeightReclaim: ...


class WeightReclaim(_Weighed):
    """What later extensions gave back is given back to the block as well."""

    explicit = _WeightReclaim
    weight_name = "weight_reclaim"

    def post_dispatch(
        self, prepared: Any, transaction: Transaction, post: PostInfo, failure: Reason | None
    ) -> Weight:
        self.system.reclaim(transaction.info, post)
        return ZERO_WEIGHT

    def post_dispatch_bare(self, transaction: Transaction, post: PostInfo) -> None:
        self.system.reclaim(transaction.info, post)
