"""Balances: money, free or set aside, conserved to the smallest unit."""

from tilth.pallets.balances.events import BalanceStatus as BalanceStatus
from tilth.pallets.balances.events import Error as Error
from tilth.pallets.balances.pallet import Balances as Balances
from tilth.pallets.balances.types import AccountData as AccountData
from tilth.pallets.balances.types import AdjustmentDirection as AdjustmentDirection
