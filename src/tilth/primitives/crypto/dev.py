"""The dev accounts of every Substrate chain: anyone knows their secrets, so no real money."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.primitives.crypto.keypair import DEV_PHRASE, Keypair, Scheme

# Written out so that a genesis and most tests need no key derivation.
ALICE: Final = bytes.fromhex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")
BOB: Final = bytes.fromhex("8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48")
CHARLIE: Final = bytes.fromhex("90b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22")
DAVE: Final = bytes.fromhex("306721211d5404bd9da88e0204360a1a9ab8b87c66c1bc2fcdd37f3c2222cc20")
EVE: Final = bytes.fromhex("e659a7a1628cdd93febc04a4e0646ea20e9f5f0ce097d9a05290d4a9e054df4e")
FERDIE: Final = bytes.fromhex("1cbd2d43530a44705ad088af313e18f80b53ef16b36177cd4b77b846f2a5f07c")

ALICE_STASH: Final = bytes.fromhex(
    "be5ddb1579b72e84524fc29e78609e3caf42e85aa118ebfe0b0ad404b5bdd25f"
)
BOB_STASH: Final = bytes.fromhex("fe65717dad0447d715f660a0a58411de509b42e6efb8375f562f58a554d5860e")
CHARLIE_STASH: Final = bytes.fromhex(
    "1e07379407fecc4b89eb7dbd287c2c781cfb1907a96947a3eb18e4f8e7198625"
)
DAVE_STASH: Final = bytes.fromhex(
    "e860f1b1c7227f7c22602f53f15af80747814dffd839719731ee3bba6edc126c"
)
EVE_STASH: Final = bytes.fromhex("8ac59e11963af19174d0b94d5d78041c233f55d2e19324665bafdfb62925af2d")
FERDIE_STASH: Final = bytes.fromhex(
    "101191192fc877c24d725b337120fa3edc63d227bbc92705db1e2cb65f56981a"
)

DEV_ACCOUNTS: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        "Alice": ALICE,
        "Bob": BOB,
        "Charlie": CHARLIE,
        "Dave": DAVE,
        "Eve": EVE,
        "Ferdie": FERDIE,
        "Alice//stash": ALICE_STASH,
        "Bob//stash": BOB_STASH,
        "Charlie//stash": CHARLIE_STASH,
        "Dave//stash": DAVE_STASH,
        "Eve//stash": EVE_STASH,
        "Ferdie//stash": FERDIE_STASH,
    }
)
"""The sr25519 accounts by name; `//` before a name gives the secret URI."""


def dev_accounts(scheme: Scheme = "sr25519") -> dict[str, Keypair]:
    """The pairs of all twelve by name, derived anew: keep the answer (it takes milliseconds)."""
    root = Keypair.from_uri(DEV_PHRASE, scheme)
    return {name: root.derive(f"//{name}") for name in DEV_ACCOUNTS}
