"""Releases of FRAME whose blocks differ: a runtime names the one that it follows."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

T = TypeVar("T")


class Release(IntEnum):
    """A release, in the order of time; a rule belongs to all from the one that brought it.

    A chain's words may mislead: what counts is the version of the crates it was compiled with.
    """

    STABLE2407 = 2407
    """frame-support 36 and 37"""
    STABLE2409 = 2409
    """frame-support 38: money set by root is reported as Issued or Rescinded"""
    STABLE2412 = 2412
    """frame-support 39: version 5 of extrinsics, extensions that weigh something"""
    STABLE2503 = 2503
    """frame-support 40: no Deposit of an empty refund; weight is given back once"""
    STABLE2506 = 2506
    STABLE2509 = 2509
    """Every event of money that is made, burned or held"""
    STABLE2512 = 2512
    """A fee is kept in storage until it is settled"""
    STABLE2603 = 2603
    """frame-support 46: the header counts towards the block's length"""
    STABLE2606 = 2606
    """frame-support 48: a general transaction names a version of extensions that exists"""


def since(release: Release) -> Callable[[T], T]:
    """Mark a call, an event, a storage item or reasons to hold that no older release has."""

    def mark(declared: T) -> T:
        setattr(declared, "__since__", release)  # noqa: B010 - events and items are anything
        return declared

    return mark


def until(release: Release) -> Callable[[T], T]:
    """Mark a call, an event or a storage item that this release has no longer."""

    def mark(declared: T) -> T:
        setattr(declared, "__until__", release)  # noqa: B010 - as above
        return declared

    return mark


def belongs(declared: Any, release: Release) -> bool:
    """Whether the release has what is declared."""
    first = getattr(declared, "__since__", None)
    gone = getattr(declared, "__until__", None)
    return (first is None or release >= first) and (gone is None or release < gone)
