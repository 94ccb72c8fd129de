"""Sudo: one account that may act as root; on dev chains only."""

from tilth.pallets.sudo.pallet import Sudo as Sudo
