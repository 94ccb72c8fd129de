"""Give a folder to the commons, and read it back.

In one terminal:  tilth dev
In another:       python examples/publish_and_read.py some/folder
"""

import sys
from pathlib import Path

from substrateinterface import Keypair

from tilth.sdk import Client


def publish_and_read(client: Client, folder: Path) -> dict[str, bytes]:
    """The files as any other node's user gets them, checked against the chain."""
    alice = Keypair.create_from_uri("//Alice")
    number = client.publish_dataset(
        alice,
        folder,
        name=folder.name,
        spdx="CC-BY-4.0",
        tags=["example"],
        progress=lambda size: print(f"stored {size:,} bytes"),
    )
    dataset = client.dataset(number)
    print(f"dataset {number}: {dataset.head.rows} rows, {dataset.head.size_bytes:,} bytes")
    return client.fetch_dataset(number)


def main(folder: str, url: str = "ws://127.0.0.1:9944", grpc: str = "127.0.0.1:50051") -> None:
    with Client(url, grpc) as client:
        for path, data in publish_and_read(client, Path(folder)).items():
            print(f"{path}: {len(data):,} bytes")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
