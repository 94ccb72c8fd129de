"""Rewards: publishers earn by what their data is worth to others."""

from tilth.pallets.rewards.api import RewardsApi as RewardsApi
from tilth.pallets.rewards.issuance import era_pool as era_pool
from tilth.pallets.rewards.issuance import halvings as halvings
from tilth.pallets.rewards.issuance import share as share
from tilth.pallets.rewards.pallet import Claimed as Claimed
from tilth.pallets.rewards.pallet import EraSettled as EraSettled
from tilth.pallets.rewards.pallet import EraStarted as EraStarted
from tilth.pallets.rewards.pallet import Error as Error
from tilth.pallets.rewards.pallet import Publishers as Publishers
from tilth.pallets.rewards.pallet import Rewards as Rewards
from tilth.pallets.rewards.types import ActiveEra as ActiveEra
from tilth.pallets.rewards.types import EraInfo as EraInfo
from tilth.pallets.rewards.types import Unclaimed as Unclaimed
