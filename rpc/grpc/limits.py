"""What one gRPC client may ask of the node."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcLimits:
    """Sizes are in bytes, times in seconds."""

    received_message: int = 4 * MIB
    """gRPC's own default, written down; a stored chunk with its signature fits."""
    sent_message: int = 16 * MIB
    """A full block fits."""
    unknown_fields: int = 64 * 1024
    """A newer client may send fields this node does not know, but not in bulk."""

    concurrent_streams: int = 100
    """Calls at a time on one connection; further ones wait at the client."""
    concurrent_calls: int = 1024
    """Calls at a time in all; further ones are refused."""

    call_seconds: float = 30.0
    """How long a unary call without a deadline of its own may take."""
    inclusion_seconds: float = 120.0
    """How long a call waits for the next block to take in what it submitted."""
    stalled_seconds: float = 60.0
    """How long a client may take to read one message."""

    waiting_statuses: int = 64
    """Statuses of a transaction that wait for a client which does not read."""
    uploads_in_flight: int = 8 * MIB
    """Bytes one Publish stream may have in the pool; less than half of what the pool holds."""
    batch_slice: int = 32
    """Extrinsics of a batch taken at a time before others get their turn."""

    handshake_seconds: float = 10.0
    idle_connection_seconds: float = 600.0
    keepalive_seconds: float = 60.0
    """A connection with open calls is asked this often whether its peer still lives."""
    keepalive_timeout_seconds: float = 20.0
    client_ping_seconds: float = 10.0
    """A client that pings more often than this is disconnected."""

    def channel_options(self) -> list[tuple[str, int]]:
        """The same in gRPC's own words."""
        return [
            ("grpc.max_receive_message_length", self.received_message),
            ("grpc.max_send_message_length", self.sent_message),
            ("grpc.max_concurrent_streams", self.concurrent_streams),
            ("grpc.server_handshake_timeout_ms", _milliseconds(self.handshake_seconds)),
            ("grpc.max_connection_idle_ms", _milliseconds(self.idle_connection_seconds)),
            ("grpc.keepalive_time_ms", _milliseconds(self.keepalive_seconds)),
            ("grpc.keepalive_timeout_ms", _milliseconds(self.keepalive_timeout_seconds)),
            ("grpc.keepalive_permit_without_calls", 0),
            (
                "grpc.http2.min_ping_interval_without_data_ms",
                _milliseconds(self.client_ping_seconds),
            ),
            # gRPC's own bounds on a call's metadata, written down
            ("grpc.max_metadata_size", 8 * 1024),
            ("grpc.absolute_max_metadata_size", 16 * 1024),
            # A second node on the port is an error, not a partner.
            ("grpc.so_reuseport", 0),
        ]


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
