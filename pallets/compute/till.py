"""The till: money that is held for jobs goes where it should, or is made anew there."""

from collections.abc import Callable
from functools import partial
from typing import final

from tilth.frame import AccountId, Currency, DispatchFailure, HoldReason, Overlay


@final
class Till:
    """Pays out of holds where nothing may fail, as in a block's initialization."""

    def __init__(self, currency: Currency, overlay: Callable[[], Overlay]) -> None:
        self._currency = currency
        self._overlay = overlay

    def pay(self, held: HoldReason, source: AccountId, dest: AccountId, amount: int) -> int:
        """Pay out of a hold and return what was received.

        Money that a freeze holds on the source is burned there and made anew at its destination,
        and what is too little to make an account is lost as dust. What root has freed behind the
        hold's back (`Balances.force_unreserve`) is paid to nobody.
        """
        if amount == 0 or self._succeeds(partial(self._move, held, source, dest, amount)):
            return amount
        if not self.burn(held, source, amount):
            return 0
        received = self._succeeds(partial(self._currency.mint_into, dest, amount))
        return amount if received else 0

    def burn(self, held: HoldReason, who: AccountId, amount: int) -> bool:
        """Whether so much was still held."""
        return self._succeeds(partial(self._currency.burn_held, held, who, amount))

    def hand_over(self, held: HoldReason, source: AccountId, dest: AccountId, amount: int) -> int:
        """Pay out of a hold if that succeeds; returns what was received, and took nothing else."""
        moved = self._succeeds(partial(self._move, held, source, dest, amount))
        return amount if moved else 0

    def _move(self, held: HoldReason, source: AccountId, dest: AccountId, amount: int) -> None:
        if dest == source:
            self._currency.release(held, source, amount)
        else:
            self._currency.transfer_held(held, source, dest, amount)

    def _succeeds(self, action: Callable[[], None]) -> bool:
        """Do it wholly, or not at all."""
        overlay = self._overlay()
        mark = overlay.mark()
        try:
            action()
        except DispatchFailure:
            overlay.rollback(mark)
            return False
        return True
