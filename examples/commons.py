"""Publish a table, find it, load it and cite it.

Run:  tilth dev                     in one terminal
      python examples/commons.py    in another
"""

import sys

import pandas as pd
from substrateinterface import Keypair

import tilth
from tilth.sdk import Client

URL, GRPC = "ws://127.0.0.1:9944", "127.0.0.1:50051"


def main(url: str = URL, grpc: str = GRPC) -> pd.DataFrame:
    alice = Keypair.create_from_uri("//Alice")
    frame = pd.DataFrame({"petal": [1.4, 4.7, 6.0], "kind": ["setosa", "versicolor", "virginica"]})

    petals = tilth.publish(
        frame, name="petals", licence="CC0-1.0", tags=["flowers"], key=alice, url=url, grpc=grpc
    )
    with tilth.load_dataset("petals", url=url, grpc=grpc) as dataset:
        loaded: pd.DataFrame = dataset.to_pandas()
        print(dataset, loaded, *dataset.verify(), sep="\n")

    loaded["long"] = loaded["petal"] > 2
    longer = tilth.publish(
        loaded, name="petals, told apart", licence="CC0-1.0", key=alice, url=url, grpc=grpc
    )
    with Client(url, grpc) as client:
        uses = ([(petals.dataset, petals.revision)],)
        cited = {"dataset": longer.dataset, "revision": 0, "uses": uses}
        client.submit(alice, "Datasets", "cite", cited)
    return loaded


if __name__ == "__main__":
    main(*sys.argv[1:])
