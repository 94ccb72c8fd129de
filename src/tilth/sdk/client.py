"""The client: everything one can ask of a Tilth node, in one flat place."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tilth.primitives import ss58
from tilth.primitives.manifest import read_manifest
from tilth.sdk import anonymous, contents, croissant
from tilth.sdk.connection import Connection, Event, Receipt
from tilth.sdk.contents import Progress
from tilth.sdk.jobs import Job
from tilth.sdk.plans import Mock, TrainingPlan
from tilth.sdk.publishing import Price, Publication, Published
from tilth.sdk.refusals import Refused, WrongContent, grpc_answers
from tilth.sdk.terms import Budget, Policy
from tilth.sdk.wire import (
    JobSpec,
    Quote,
    Unclaimed,
    bounded,
    quote_in,
    quote_request,
    spec_params,
    unclaimed_in,
)
from tilth.v1 import content_pb2, jobs_pb2

if TYPE_CHECKING:
    from substrateinterface import Keypair

    from tilth.vault import Registration


class Client:
    """Signs with the caller's own key pairs: no secret leaves this process.

    Amounts are in planck, accounts are addresses. Use it from one thread at a time.
    """

    def __init__(
        self, url: str = "ws://127.0.0.1:9944", grpc_target: str = "127.0.0.1:50051"
    ) -> None:
        """Raises Unreachable where no node answers."""
        self._connection = Connection(url, grpc_target)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    # Any chain.

    @property
    def genesis_hash(self) -> bytes:
        return self._connection.genesis_hash

    def submit(self, pair: "Keypair", pallet: str, call: str, params: Mapping[str, Any]) -> Receipt:
        """Sign, submit and wait for the block; raises Refused."""
        extrinsic = self._connection.signed(pair, pallet, call, params)
        return self._connection.submit(extrinsic)

    def query(self, pallet: str, item: str, *keys: Any, at: str | None = None) -> Any:
        """The decoded value of a storage item, now or after the block with this hash.

        None where nothing is stored and the item has no default.
        """
        return self._connection.query(pallet, item, keys, at)

    def entries(
        self, pallet: str, item: str, *, at: str | None = None
    ) -> Iterator[tuple[Any, Any]]:
        """Every key of a storage map with its value, now or after the block with this hash."""
        return self._connection.entries(pallet, item, at)

    def block_number(self) -> int:
        """The best block's."""
        return int(self.query("System", "Number"))

    def block_hash(self, number: int | None = None) -> str:
        """Of a block of the best chain, the best one if none is named; raises LookupError."""
        return self._connection.block_hash(number)

    def events(self, block_hash: str) -> tuple[Event, ...]:
        """What happened in a block, hooks included."""
        return self._connection.events(block_hash)

    def constant(self, pallet: str, name: str) -> Any:
        """The decoded value of a pallet's constant."""
        return self._connection.constant(pallet, name)

    def free_balance(self, address: str) -> int:
        return int(self.query("System", "Account", address)["data"]["free"])

    def held_balance(self, address: str) -> int:
        """Deposits, bonds and escrow."""
        return int(self.query("System", "Account", address)["data"]["reserved"])

    # Content and public datasets.

    def publish_content(self, pair: "Keypair", data: bytes) -> bytes:
        """Store bytes for ever and return their sha2-256 hash; at most 2 MiB.

        A deposit is held for each byte. What the chain has already is not stored again.
        """
        return self.publish_contents(pair, [data])[0]

    def publish_contents(
        self, pair: "Keypair", data: Iterable[bytes], progress: Progress | None = None
    ) -> list[bytes]:
        """Store many contents, several to a block."""
        return contents.publish(self._connection, pair, data, progress)

    def fetch(self, content_hash: bytes) -> bytes:
        """Content by its hash, and checked against it; raises LookupError."""
        return contents.fetch(self._connection, content_hash)

    def has_content(self, content_hash: bytes) -> bool:
        """Whether the chain has it."""
        return bool(contents.present(self._connection, [content_hash]))

    def publish_dataset(
        self,
        pair: "Keypair",
        source: Path | Mapping[str, bytes],
        *,
        name: str,
        spdx: str,
        tags: Sequence[str] = (),
        description: str = "",
        progress: Progress | None = None,
    ) -> int:
        """Publish a file, a folder or named bytes for ever, and return the dataset's number.

        A large source is read once and never held in memory; publishing again after an
        interruption goes on where it stopped.
        """
        publication = Publication.of(
            source, name=name, spdx=spdx, tags=tags, description=description
        )
        return self.send_publication(pair, publication, progress).dataset

    def price(self, publication: Publication) -> Price:
        """What a publication would make public, and hold for it."""
        return publication.price(self._connection)

    def send_publication(
        self,
        pair: "Keypair",
        publication: Publication,
        progress: Progress | None = None,
        *,
        revises: int | None = None,
    ) -> Published:
        """Publish what was read, as a new dataset or as a revision of one's own."""
        return publication.send(self._connection, pair, progress, revises)

    def send_anonymously(
        self, publication: Publication, progress: Progress | None = None, keys: Path | None = None
    ) -> Published:
        """Publish without an account; the fresh key that it takes is kept in a folder."""
        return anonymous.send(
            self._connection, publication, keys or anonymous.default_folder(), progress
        )

    def ask(self, method: str, *params: Any) -> Any:
        """Any JSON-RPC method's result; raises Refused."""
        return self._connection.ask(method, list(params))

    def dataset(self, number: int) -> content_pb2.Dataset:
        """What the chain knows of a dataset; raises LookupError."""
        request = content_pb2.GetDatasetRequest(dataset=number)
        with grpc_answers(self._connection.target):
            return self._connection.content.GetDataset(request)

    def fetch_dataset(self, number: int, revision: int | None = None) -> dict[str, bytes]:
        """A public dataset's files by path, each checked against the manifest on the chain."""
        request = content_pb2.FetchDatasetRequest(dataset=number, revision=revision)
        files: dict[str, bytearray] = {}
        manifest, path = b"", ""
        with grpc_answers(self._connection.target):
            for part in self._connection.content.FetchDataset(request):
                match part.WhichOneof("part"):
                    case "revision":
                        manifest = part.revision.manifest
                    case "file":
                        path = part.file.path
                        files[path] = bytearray()
                    case _:
                        files[path] += part.data
        return _checked(files, self.fetch(manifest))

    # Private tables.

    def register_private(
        self,
        pair: "Keypair",
        registration: "Registration",
        *,
        name: str,
        policy: Policy,
        budget: Budget,
        workers: Sequence[str],
        spdx: str = "LicenseRef-Private",
        description: str = "",
    ) -> int:
        """Offer a table of one's vault to computation, and return the dataset's number.

        Public becomes what the registration holds, and the terms: see `Registration.describe`.
        `workers` are the accounts of the nodes that hold the rows.
        """
        metadata = croissant.describe(name, spdx=spdx, description=description)
        public = [registration.schema, registration.mock, metadata]
        schema, mock, described = self.publish_contents(pair, public)
        params = {
            "name": name,
            "spdx": spdx,
            "schema": _hex(schema),
            "mock": _hex(mock),
            "metadata": _hex(described),
            "row_root": _hex(registration.row_root),
            "rows": registration.rows,
            "policy": policy.params(),
            "budget": budget.params(),
            "workers": bounded(workers),
        }
        registered = self.submit(pair, "Datasets", "register_private", params)
        return int(registered.one("Datasets", "PrivateRegistered")["dataset"])

    def register_worker(self, pair: "Keypair", bond: int | None = None) -> Receipt:
        """Let an account work on jobs; the least bond is held where none is given."""
        bond = self.constant("Compute", "MinBond") if bond is None else bond
        return self.submit(pair, "Compute", "register_worker", {"bond": bond})

    def mock(self, number: int) -> Mock:
        """A private table's public twin: made up, in the same columns and bounds."""
        from tilth.vault import Schema

        table = self._private(number)
        schema = Schema.from_json(self.fetch(table.schema))
        return Mock(schema, self.fetch(table.mock))

    def terms(self, number: int) -> Any:
        """Prices and limits of a private table and what is left of its budget, as `jobs_terms`."""
        return self.ask("jobs_terms", number)

    # Jobs.

    def job_spec(
        self,
        number: int,
        model: bytes,
        plan: TrainingPlan,
        *,
        key: bytes,
        params: int | None = None,
        max_output_bytes: int | None = None,
    ) -> JobSpec:
        """The job that trains the model on a private table, with noise for its δ.

        `key` is the public part of a SealingKey made for this job. Without `params` the model is
        examined on this machine. Store the model with `publish_content` before it is ordered.
        """
        return plan.job_spec(
            number,
            model,
            key=key,
            params=plan.count_params(model) if params is None else params,
            delta_pico=self._private(number).budget.delta_pico,
            max_output_bytes=max_output_bytes,
        )

    def quote(self, address: str, spec: JobSpec) -> Quote:
        """What the job would cost this account now; raises Refused where it could not order it."""
        request = quote_request(ss58.decode(address), spec)
        answer = self._connection.call_api("ComputeApi_quote", request)
        if answer[:1] != b"\x00":
            raise self._connection.dispatch_error(answer[1:])
        return quote_in(answer[1:])

    def create_job(
        self, pair: "Keypair", spec: JobSpec, *, tip: int = 0, max_price: int | None = None
    ) -> Job:
        """Order a job: its price is held and its privacy reserved; raises Refused."""
        params = {"spec": spec_params(spec), "tip": tip, "max_price": max_price}
        extrinsic = self._connection.signed(pair, "Compute", "create_job", params)
        with grpc_answers(self._connection.target):
            created = self._connection.jobs.Create(jobs_pb2.CreateJobRequest(extrinsic=extrinsic))
        return Job(self._connection, created.job, spec)

    def job(self, number: int) -> Job:
        """A job that was ordered before."""
        return Job(self._connection, number)

    def acknowledge(self, pair: "Keypair", job: Job) -> Receipt:
        """Accept a job's result, so that owner and worker are paid at once."""
        return self.submit(pair, "Compute", "acknowledge", {"job": job.number})

    # Rewards.

    def unclaimed_rewards(self, address: str) -> tuple[Unclaimed, ...]:
        """What a publisher has earned in eras that are over and not claimed yet."""
        account = ss58.decode(address)
        return unclaimed_in(self._connection.call_api("RewardsApi_unclaimed", account))

    def claim_rewards(
        self, pair: "Keypair", eras: Sequence[int] | None = None, *, dest: str | None = None
    ) -> int:
        """Have one's shares minted, of all eras where none are named; returns how much it was."""
        if eras is None:
            eras = [share.era for share in self.unclaimed_rewards(pair.ss58_address)]
        if not eras:
            return 0
        params = {"dest": dest, "eras": bounded(eras)}
        claimed = self.submit(pair, "Rewards", "claim", params)
        return sum(int(share["amount"]) for share in claimed.all("Rewards", "Claimed"))

    def _private(self, number: int) -> content_pb2.PrivateTable:
        dataset = self.dataset(number)
        if not dataset.HasField("private"):
            raise Refused(f"dataset {number} is public: fetch it instead of renting it")
        return dataset.private


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _checked(files: Mapping[str, bytearray], manifest: bytes) -> dict[str, bytes]:
    expected = {file.path: file.sha256 for file in read_manifest(manifest)}
    found = {path: sha256(data).digest() for path, data in files.items()}
    if found != expected:
        raise WrongContent("the node sent other files than the dataset's manifest lists")
    return {path: bytes(data) for path, data in files.items()}
