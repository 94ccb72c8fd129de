"""Genesis presets: how a chain of a runtime begins."""

from typing import Any, Final

from tilth.frame import AccountId, Runtime
from tilth.node.chain_spec import ChainSpec
from tilth.primitives.crypto import dev
from tilth.primitives.crypto.keypair import Keypair
from tilth.runtime.units import UNIT

DEV_WORKER: Final = "//Alice//worker"
"""The secret of the account with which a dev node does off-chain work."""
_ENDOWMENT: Final = 1_000_000 * UNIT


def dev_spec(runtime: Runtime) -> ChainSpec:
    """A chain on which the dev accounts have money and Alice is its author and root."""
    present = {pallet.name for pallet in runtime.pallets}
    genesis = {name: config for name, config in dev_genesis().items() if name in present}
    return ChainSpec("Tilth Development", "tilth_dev", "Development", genesis)


def dev_genesis() -> dict[str, dict[str, Any]]:
    """Each pallet's genesis arguments on a dev chain."""
    alice = AccountId(dev.ALICE)
    endowed = [AccountId(account) for account in dev.DEV_ACCOUNTS.values()]
    endowed.append(AccountId(Keypair.from_uri(DEV_WORKER).account))
    return {
        "Balances": {"balances": [(account, _ENDOWMENT) for account in endowed]},
        "Aura": {"authorities": [dev.ALICE]},
        "Session": {"validators": [alice]},
        "Sudo": {"key": alice},
    }
