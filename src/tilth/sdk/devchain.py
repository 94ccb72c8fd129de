"""The tools of a running dev chain, over JSON-RPC: blocks, time, storage, going back, forks."""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from tilth.sdk.refusals import Refused, Unreachable

DEFAULT_URL: Final = "http://127.0.0.1:9944"
_DEADLINE: Final = 60


class Head(NamedTuple):
    """A best block."""

    number: int
    hash: str


class DevChain:
    """Amounts are in planck, accounts are addresses, moments are in ms since 1970.

    Each tool raises Refused with the node's sentence where it cannot be done.
    """

    def __init__(self, url: str = DEFAULT_URL) -> None:
        """The node's JSON-RPC address, as http:// or ws://."""
        self._url = "http" + url.removeprefix("ws") if url.startswith("ws") else url

    def head(self) -> Head:
        """The best block."""
        hash = str(self.ask("chain_getBlockHash"))
        return Head(int(self.ask("chain_getHeader", hash)["number"], 16), hash)

    def new_block(
        self,
        count: int = 1,
        *,
        to: int | None = None,
        transactions: Sequence[bytes] = (),
    ) -> str:
        """Make blocks of what is ready, or the first of them of the transactions given."""
        options: dict[str, Any] = {"count": count, "to": to}
        if transactions:
            options["transactions"] = [f"0x{data.hex()}" for data in transactions]
        return str(self.ask("dev_newBlock", options))

    def mine(self, count: int = 1, *, interval_ms: int | None = None) -> str:
        """Make so many blocks, so far apart; returns the last one's hash."""
        return str(self.ask("dev_mine", count, interval_ms))

    def set_storage(
        self, values: Mapping[str, Any] | Sequence[Sequence[str | None]], at: str | None = None
    ) -> str:
        """By name, `{"Sudo": {"Key": address}}`, or as pairs of hex; None deletes."""
        return str(self.ask("dev_setStorage", values, at))

    def set_balance(self, account: str, free: int) -> str:
        return str(self.ask("dev_setBalance", account, str(free)))

    def time_travel(self, moment: int | str | datetime) -> int:
        """To a moment or a date; time goes on from there."""
        told = moment.isoformat() if isinstance(moment, datetime) else moment
        return int(self.ask("dev_timeTravel", told))

    def set_next_timestamp(self, moment: int) -> None:
        self.ask("dev_setNextTimestamp", moment)

    def set_head(self, to: str | int) -> str:
        """Make a block the best one: by hash, by height, or -n blocks back."""
        return str(self.ask("dev_setHead", to))

    def snapshot(self) -> str:
        return str(self.ask("dev_snapshot"))

    def revert(self, snapshot: str) -> str:
        """Blocks, pool and time as they were; again and again if need be."""
        return str(self.ask("dev_revert", snapshot))

    def reorg(
        self, depth: int, *, transactions: Sequence[bytes] = (), keep: bool = True
    ) -> Mapping[str, Any]:
        """Replace the last blocks by a longer fork; needs `--finality-lag`."""
        options = {
            "depth": depth,
            "transactions": [f"0x{data.hex()}" for data in transactions],
            "keep": keep,
        }
        moved: Mapping[str, Any] = self.ask("dev_reorg", options)
        return moved

    def impersonate(self, account: str) -> None:
        """Let any signature of the account do."""
        self.ask("dev_impersonate", account)

    def stop_impersonating(self, account: str) -> None:
        self.ask("dev_stopImpersonating", account)

    def automine(self, on: bool) -> None:
        self.ask("dev_automine", on)

    def set_build_mode(self, mode: str) -> None:
        """Batch, Instant or Manual."""
        self.ask("dev_setBlockBuildMode", mode)

    def dry_run(self, extrinsic: bytes) -> Mapping[str, Any]:
        """Storage by name before and after a signed extrinsic, which is not sent."""
        found: Mapping[str, Any] = self.ask("dev_dryRun", {"extrinsic": f"0x{extrinsic.hex()}"})
        return found

    def ask(self, method: str, *params: Any) -> Any:
        """Any JSON-RPC method; raises Refused, Unreachable."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        body = json.dumps(request).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(self._url, body, headers)  # noqa: S310  # the user's node
        try:
            with urllib.request.urlopen(asked, timeout=_DEADLINE) as answer:  # noqa: S310
                reply = json.loads(answer.read())
        except TimeoutError as error:
            raise Unreachable(f"{self._url} gave no answer in {_DEADLINE} seconds") from error
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", error)
            raise Unreachable(
                f"no node answers at {self._url} ({why}); start one with tilth dev"
            ) from error
        if "error" in reply:
            raise Refused(reply["error"]["message"], method)
        return reply["result"]
