"""System: accounts, the block under construction, and the events of its calls."""

from tilth.pallets.system.events import Error as Error
from tilth.pallets.system.extensions import (
    AuthorizeCall as AuthorizeCall,
)
from tilth.pallets.system.extensions import (
    CheckGenesis as CheckGenesis,
)
from tilth.pallets.system.extensions import (
    CheckMortality as CheckMortality,
)
from tilth.pallets.system.extensions import (
    CheckNonce as CheckNonce,
)
from tilth.pallets.system.extensions import (
    CheckNonZeroSender as CheckNonZeroSender,
)
from tilth.pallets.system.extensions import (
    CheckSpecVersion as CheckSpecVersion,
)
from tilth.pallets.system.extensions import (
    CheckTxVersion as CheckTxVersion,
)
from tilth.pallets.system.extensions import (
    CheckWeight as CheckWeight,
)
from tilth.pallets.system.extensions import (
    WeightReclaim as WeightReclaim,
)
from tilth.pallets.system.limits import BlockLength as BlockLength
from tilth.pallets.system.limits import BlockWeights as BlockWeights
from tilth.pallets.system.metadata_hash import CheckMetadataHash as CheckMetadataHash
from tilth.pallets.system.pallet import System as System
from tilth.pallets.system.types import AccountInfo as AccountInfo
