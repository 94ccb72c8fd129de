"""Multisig: an account that acts when enough of its members agree."""

from tilth.pallets.multisig.pallet import Multisig as Multisig
