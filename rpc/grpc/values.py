"""Values of requests that protobuf itself does not check."""

from tilth.primitives.types import H256
from tilth.rpc.grpc.failures import invalid


def hash_of(data: bytes, what: str) -> H256:
    if len(data) != 32:
        raise invalid(f"{what} has 32 bytes, not {len(data)}")
    return H256(data)
