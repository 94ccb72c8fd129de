"""A Ray cluster on this machine, in a process of its own: tests' processes are full of gRPC.

Ray starts its processes by a fork that runs Python before it execs, and a fork amid gRPC's threads
may end in a child that never gets that far. So this one is started anew, and told in lines of JSON
to add a machine or to kill one; it answers with the process of the machine's raylet.
"""

import json
import sys
from typing import Any


def main(port: int) -> None:
    from ray.cluster_utils import Cluster

    local: dict[str, Any] = {"node_ip_address": "127.0.0.1"}
    head = {"num_cpus": 0, "include_dashboard": False, "ray_client_server_port": port, **local}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    machines: dict[int, Any] = {}
    try:
        say("ready")
        for line in sys.stdin:
            if line == "add\n":
                node: Any = cluster.add_node(num_cpus=1, **local)
                raylet = node.all_processes["raylet"][0].process.pid
                machines[raylet] = node
            else:
                raylet = int(line)
                cluster.remove_node(machines.pop(raylet), allow_graceful=False)
            say(raylet)
    finally:
        cluster.shutdown()


def say(what: object) -> None:
    print(json.dumps({"said": what}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
