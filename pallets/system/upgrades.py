"""How the runtime's code is replaced: by root, or by anybody once root has authorized its hash."""

from collections.abc import Callable
from typing import Final, final

from tilth.frame import H256, DispatchFailure, Runtime, StorageValue, ensure, hashing
from tilth.pallets.system.events import (
    CodeUpdated,
    Error,
    RejectedInvalidAuthorizedUpgrade,
    UpgradeAuthorized,
)
from tilth.pallets.system.types import CodeUpgradeAuthorization

CODE: Final = b":code"


@final
class CodeUpgrades:
    """The code under its well-known key, and the authorization of the next."""

    def __init__(
        self,
        runtime: Runtime,
        authorized: StorageValue[CodeUpgradeAuthorization],
        emit: Callable[[CodeUpdated | UpgradeAuthorized | RejectedInvalidAuthorizedUpgrade], None],
        environment_updated: Callable[[], None],
        *,
        reports_rejected: bool,
    ) -> None:
        self._runtime = runtime
        self._authorization = authorized
        self._emit = emit
        self._environment_updated = environment_updated
        self._reports_rejected = reports_rejected

    def ensure_newer(self, code: bytes) -> None:
        wrong = self._fault(code)
        if wrong is not None:
            raise DispatchFailure(wrong)

    def replace(self, code: bytes) -> None:
        self._runtime.slot.overlay.write_raw(CODE, code)
        self._environment_updated()
        self._emit(CodeUpdated())

    def authorize(self, code_hash: H256, *, check_version: bool) -> None:
        self._authorization.put(CodeUpgradeAuthorization(code_hash, check_version))
        self._emit(UpgradeAuthorized(code_hash, check_version))

    def authorized(self, code: bytes) -> CodeUpgradeAuthorization:
        """The authorization of this very code; a dispatch error where there is none."""
        authorized = self._authorization.expect(Error.NOTHING_AUTHORIZED)
        ensure(hashing.blake2_256(code) == authorized.code_hash, Error.UNAUTHORIZED)
        return authorized

    def ensure_applicable(self, code: bytes) -> None:
        """Fail where nobody could apply the code; who merely validates does not ask its version,
        if an outdated one is reported later."""
        authorized = self.authorized(code)
        if authorized.check_version and not self._reports_rejected:
            self.ensure_newer(code)

    def apply_authorized(self, code: bytes) -> bool:
        """Whether the code was taken: an outdated one only spends its authorization."""
        authorized = self.authorized(code)
        self._authorization.kill()
        wrong = self._fault(code) if authorized.check_version else None
        if wrong is None:
            self.replace(code)
            return True
        if not self._reports_rejected:
            raise DispatchFailure(wrong)
        # Whoever applies it is not to blame: nothing is undone, and nothing is paid.
        error = self._runtime.dispatch_error(wrong)
        self._emit(RejectedInvalidAuthorizedUpgrade(authorized.code_hash, error))
        return False

    def _fault(self, code: bytes) -> Error | None:
        """Why the code is no newer version of this runtime."""
        version = self._runtime.version_in(code)
        if version is None:
            return Error.FAILED_TO_EXTRACT_RUNTIME_VERSION
        if version.spec_name != self._runtime.spec_name:
            return Error.INVALID_SPEC_NAME
        if version.spec_version <= self._runtime.spec_version:
            return Error.SPEC_VERSION_NEEDS_TO_INCREASE
        return None
