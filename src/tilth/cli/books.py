"""The story's books: what everybody has, how it moves, and whether all of it is explained."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from tilth.sdk import Client, Event

UNIT: Final = 10**12


class Purse(NamedTuple):
    """What an account can spend, and what is held of it: deposits, bonds, escrow."""

    free: int
    held: int

    @property
    def total(self) -> int:
        return self.free + self.held


@dataclass(frozen=True, slots=True)
class Moved:
    """How an account's purse changed since it was last looked at."""

    name: str
    now: Purse
    before: Purse


class Books:
    """Reads balances of a cast of accounts, by their names, over JSON-RPC."""

    def __init__(self, client: Client, cast: Mapping[str, str]) -> None:
        self._client = client
        self._cast = cast
        self._begun = client.block_hash(0)
        self._seen = {name: self._purse(name, self._begun) for name in cast}

    def moved(self, *names: str) -> list[Moved]:
        """Whose purses of these have changed since they were last asked for."""
        now = {name: self._purse(name, None) for name in names}
        changed = [Moved(name, now[name], self._seen[name]) for name in names]
        self._seen.update(now)
        return [each for each in changed if each.now != each.before]

    def balance(self) -> "Audit":
        """Hold every account against what the chain's events say has happened to it."""
        end = self._client.block_hash()
        last = int(self._client.query("System", "Number", at=end))
        journal = Journal()
        for number in range(1, last + 1):
            journal.read(self._client, self._client.events(self._client.block_hash(number)))
        entries = [
            Entry(name, self._purse(name, self._begun), self._purse(name, end), journal.of(address))
            for name, address in self._cast.items()
        ]
        issued = tuple(
            int(self._client.query("Balances", "TotalIssuance", at=at)) for at in (self._begun, end)
        )
        accounts = self._client.entries("System", "Account", at=end)
        total = sum(data["data"]["free"] + data["data"]["reserved"] for _, data in accounts)
        return Audit(entries, issued[1] - issued[0], journal.issued, issued[1] - total, last)

    def _purse(self, name: str, at: str | None) -> Purse:
        data = self._client.query("System", "Account", self._cast[name], at=at)["data"]
        return Purse(int(data["free"]), int(data["reserved"]))


@dataclass(slots=True)
class Sums:
    """What an account paid and got, by cause."""

    fees: int = 0
    paid: int = 0
    earned: int = 0
    rewards: int = 0

    @property
    def total(self) -> int:
        return self.earned + self.rewards - self.paid - self.fees


class Journal:
    """Adds up what the chain's events say of money, by account."""

    def __init__(self) -> None:
        self.burned = 0
        self._sums: defaultdict[str, Sums] = defaultdict(Sums)

    @property
    def issued(self) -> int:
        """What all of it adds to the money there is: less than nothing where more is burned."""
        return sum(sums.total for sums in self._sums.values())

    def of(self, address: str) -> Sums:
        return self._sums[address]

    def read(self, client: Client, events: Iterable[Event]) -> None:
        for event in events:
            fields = event.fields
            match event.pallet, event.name:
                case "TransactionPayment", "TransactionFeePaid":
                    self._sums[fields["who"]].fees += fields["actual_fee"]
                case "Rewards", "Claimed":
                    self._sums[fields["dest"]].rewards += fields["amount"]
                case "Compute", "JobCompleted":
                    self._complete(client, fields)
                case _:
                    pass

    def _complete(self, client: Client, fields: Mapping[str, int]) -> None:
        job = client.query("Compute", "Jobs", fields["job"])
        owner, worker = fields["owner_paid"], fields["worker_paid"]
        self.burned += fields["burned"]
        self._sums[job["requester"]].paid += owner + worker + fields["burned"]
        self._sums[job["owner"]].earned += owner
        self._sums[job["state"]["Completed"]["worker"]].earned += worker


@dataclass(frozen=True, slots=True)
class Entry:
    """An account at the beginning and at the end, and what is known to have happened between."""

    name: str
    begun: Purse
    ended: Purse
    sums: Sums

    @property
    def unexplained(self) -> int:
        return self.ended.total - self.begun.total - self.sums.total


@dataclass(frozen=True, slots=True)
class Audit:
    """Zero is what should be left over everywhere."""

    entries: list[Entry]
    issuance_change: int
    issuance_explained: int
    issuance_less_accounts: int
    blocks: int

    @property
    def is_balanced(self) -> bool:
        return (
            all(entry.unexplained == 0 for entry in self.entries)
            and self.issuance_change == self.issuance_explained
            and self.issuance_less_accounts == 0
        )


def tokens(planck: int) -> str:
    """In whole tokens with four digits behind the point."""
    return f"{planck / UNIT:,.4f}".replace("-", "−")


def change(planck: int) -> str:
    """The same with its sign and its colour; nothing where there is none."""
    if planck == 0:
        return ""
    return f"[{'green' if planck > 0 else 'red'}]{'+' if planck > 0 else ''}{tokens(planck)}[/]"
