"""Reasons for which a pallet holds or freezes an account's money."""

from enum import Enum


class HoldReason(Enum):
    """A pallet's reasons to hold: the name is the variant, the value its sentence."""


class FreezeReason(Enum):
    """A pallet's reasons to freeze."""
