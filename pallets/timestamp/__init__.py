"""Timestamp: what time it is on the chain."""

from tilth.pallets.timestamp.pallet import Timestamp as Timestamp
