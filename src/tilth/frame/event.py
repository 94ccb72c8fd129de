"""Events: what a pallet says has happened, as structs."""

from tilth.primitives.scale import struct as event  # an assigned alias is no decorator to checkers

__all__ = ["event"]
