"""Content: how bytes get into the chain's blocks under their hash, and out of them again."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import compress, islice
from typing import TYPE_CHECKING, Final, TypeAlias

from tilth.primitives.crypto.hashing import blake2_256, keccak_256, sha2_256
from tilth.primitives.unixfs import RAW
from tilth.sdk.connection import Connection
from tilth.sdk.refusals import Refused, WrongContent, grpc_answers, refusal
from tilth.sdk.storing import SignedStores
from tilth.v1 import content_pb2 as pb

if TYPE_CHECKING:
    from substrateinterface import Keypair

CHUNK_BYTES: Final = 1024 * 1024
"""Of a file; a block takes several of these."""
_AT_ONCE: Final = 8  # contents that are in memory
_ASKED_AT_ONCE: Final = 256
_INDICES: Final = (
    ("TransactionStorage", "TransactionByContentHash"),
    ("TransactionStorage", "PinByContentHash"),
)
_DIGESTS: Final = (sha2_256, blake2_256, keccak_256)  # ours first; others may have stored it

Progress: TypeAlias = Callable[[int], None]
"""Hears of how many bytes more the chain has now."""
Storing: TypeAlias = Callable[[bytes, bytes], bytes]
"""An extrinsic that stores this content, which has this hash."""


def publish(
    connection: Connection,
    pair: "Keypair",
    contents: Iterable[bytes],
    progress: Progress | None = None,
    *,
    codec: int = RAW,
) -> list[bytes]:
    """Store contents and return their hashes; what the chain has already is not stored again.

    So an upload that broke off goes on where it stopped.
    """
    signed = SignedStores(connection, pair, codec)
    return store(connection, contents, signed.storing, progress)


def store(
    connection: Connection,
    contents: Iterable[bytes],
    storing: Storing,
    progress: Progress | None = None,
) -> list[bytes]:
    """The same by extrinsics that the caller makes, when their turn has come."""
    upload = _Upload(connection, contents, storing, progress or _ignored)
    with grpc_answers(connection.target):
        upload.run()
    return upload.hashes


class _Upload:
    """One stream; extrinsics are made as fast as the node takes them, in order."""

    def __init__(
        self,
        connection: Connection,
        contents: Iterable[bytes],
        storing: Storing,
        progress: Progress,
    ) -> None:
        self.hashes: list[bytes] = []
        self._connection = connection
        self._contents = contents
        self._storing = storing
        self._progress = progress
        self._sent: list[tuple[bytes, int]] = []
        self._fault: Exception | None = None
        self._turn = threading.Lock()
        self._ended = False

    def run(self) -> None:
        answers = self._connection.content.Publish(self._requests())
        try:
            for answer in answers:
                self._check(answer)
        finally:
            self._end()
            answers.cancel()
        if self._fault is not None:
            raise self._fault

    def _end(self) -> None:
        """Nothing more is sent; the connection is not left to two threads."""
        with self._turn:
            self._ended = True

    def _requests(self) -> Iterator[pb.PublishRequest]:
        """Runs in a thread of gRPC's."""
        extrinsics = self._extrinsics()
        while (extrinsic := self._next(extrinsics)) is not None:
            yield pb.PublishRequest(extrinsic=extrinsic)

    def _next(self, extrinsics: Iterator[bytes]) -> bytes | None:
        with self._turn:
            try:
                return None if self._ended else next(extrinsics, None)
            except Exception as error:  # noqa: BLE001  # gRPC would swallow it: `run` raises it
                self._fault = error
                return None

    def _extrinsics(self) -> Iterator[bytes]:
        begun: set[bytes] = set()
        contents = iter(self._contents)
        while some := list(islice(contents, _AT_ONCE)):
            hashes = [sha256(data).digest() for data in some]
            there = present(self._connection, hashes)
            for hash, data in zip(hashes, some, strict=True):
                self.hashes.append(hash)
                if hash in begun or hash in there:
                    self._progress(len(data))
                    continue
                begun.add(hash)
                self._sent.append((hash, len(data)))
                yield self._storing(data, hash)

    def _check(self, answer: pb.PublishResponse) -> None:
        hash, size = self._sent[answer.request]
        match answer.WhichOneof("outcome"):
            case "failed":
                # what was sent after it takes effect: its nonces are not free before it has
                self._end()
                self._fault = self._fault or refusal(answer.failed)
            case "refused":
                raise self._fault or Refused(answer.refused.message)
            case _:
                if hash not in answer.stored.content_hashes:
                    raise WrongContent(f"the node stored other content than 0x{hash.hex()}")
                self._progress(size)


def _ignored(_: int) -> None:
    pass


def present(connection: Connection, hashes: Sequence[bytes]) -> set[bytes]:
    """Which of these contents the chain has."""
    found: set[bytes] = set()
    for start in range(0, len(hashes), _ASKED_AT_ONCE):
        asked = hashes[start : start + _ASKED_AT_ONCE]
        for index in _INDICES:
            known = connection.known(*index, ["0x" + hash.hex() for hash in asked])
            found.update(compress(asked, known))
    return found


def fetch(connection: Connection, hash: bytes) -> bytes:
    """The content with this hash; raises LookupError, and WrongContent where the node lies."""
    request = pb.FetchRequest(content_hash=hash)
    with grpc_answers(connection.target):
        data = b"".join(part.data for part in connection.content.Fetch(request))
    if not true_to(data, hash):
        raise WrongContent(f"the node sent other bytes than content 0x{hash.hex()}")
    return data


def true_to(data: bytes, hash: bytes) -> bool:
    """Whether the bytes have this hash, by any of the hashings that content is stored under."""
    return any(digest(data) == hash for digest in _DIGESTS)
