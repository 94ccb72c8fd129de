"""Balances: money, held, frozen and free, conserved to the smallest unit."""

from tilth.pallets.balances.pallet import Balances as Balances
from tilth.pallets.balances.pallet import Error as Error
from tilth.pallets.balances.types import AccountData as AccountData
