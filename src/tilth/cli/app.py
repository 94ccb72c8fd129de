"""The commands, their options and their help."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators

from tilth.cli import tilth_version
from tilth.cli.content_options import ContentOptions
from tilth.cli.port import PortOptions
from tilth.cli.tool_options import ToolOptions
from tilth.cli.work_options import WorkOptions

app = App(
    name="tilth",
    help="A Substrate-compatible chain in Python for a commons of AI data.",
    version=tilth_version,
)

app.command(
    "tilth.cli.vault:app", name="vault", help="Keep private tables, and decide what may leave them."
)

app.command(
    "tilth.cli.engine:app",
    name="engine",
    help="Train and question private tables here, without a chain.",
)

app.command(
    "tilth.cli.dataset:app",
    name="dataset",
    help="Publish, find, load and cite datasets of the commons.",
)

app.command(
    "tilth.cli.job:app",
    name="job",
    help="Send models and questions to private tables, and open what comes back.",
)

app.command(
    "tilth.cli.chain:app", name="chain", help="Drive a dev chain: blocks, time, storage, forks."
)

Port = Annotated[
    int, Parameter(help="0 picks a free one.", validator=validators.Number(gte=0, lte=65535))
]


@app.command
def dev(
    *,
    base_path: Path | None = None,
    rpc_port: Port = 9944,
    grpc_port: Port = 50051,
    block_time: float | None = None,
    runtime: str = "tilth.runtime:DevRuntime",
    ready_file: Path | None = None,
    work: Annotated[WorkOptions | None, Parameter(name="*")] = None,
    tools: Annotated[ToolOptions | None, Parameter(name="*")] = None,
    port: Annotated[PortOptions | None, Parameter(name="*")] = None,
    content: Annotated[ContentOptions | None, Parameter(name="*")] = None,
) -> int:
    """Start a dev chain: blocks as soon as there are transactions, accounts that have money.

    Parameters
    ----------
    base_path
        Keep the chain in this directory; without it, in memory.
    rpc_port
        JSON-RPC over WebSocket and HTTP.
    grpc_port
        gRPC.
    block_time
        Make a block every so many seconds instead of one per batch of transactions.
    runtime
        The runtime's class, as module:Class.
    ready_file
        Write endpoints and process id here, as JSON, once both faces answer.
    work
        Whose private tables this node works on.
    tools
        What a developer may do to the chain.
    port
        Who may use the JSON-RPC port, and how much.
    content
        Where content is kept, and who has it as well.
    """
    from tilth.cli.dev import DevOptions, run_dev

    return run_dev(
        DevOptions(
            base_path,
            rpc_port,
            grpc_port,
            block_time,
            runtime,
            ready_file,
            port or PortOptions(),
            tools or ToolOptions(),
            content or ContentOptions(),
            work or WorkOptions(),
        )
    )


@app.command
def node(
    *,
    sync: list[str],
    base_path: Path,
    chain: Path | None = None,
    rpc_port: Port = 9944,
    grpc_port: Port = 50051,
    runtime: str = "tilth.runtime:DevRuntime",
    ready_file: Path | None = None,
    work: Annotated[WorkOptions | None, Parameter(name="*")] = None,
    port: Annotated[PortOptions | None, Parameter(name="*")] = None,
    content: Annotated[ContentOptions | None, Parameter(name="*")] = None,
) -> int:
    """Follow a chain: execute every block again, keep it all, and serve it on.

    Parameters
    ----------
    sync
        The WebSocket address of a node of the chain; give several, and the first that has it is
        followed.
    base_path
        Keep the chain in this directory.
    chain
        The chain's raw specification; without it the first peer is believed, once.
    rpc_port
        JSON-RPC over WebSocket and HTTP.
    grpc_port
        gRPC.
    runtime
        The chain's runtime, as module:Class.
    ready_file
        Write endpoints and process id here, as JSON, once both faces answer.
    work
        Whose private tables this node works on.
    port
        Who may use the JSON-RPC port, and how much.
    content
        Where content is kept, and who has it as well.
    """
    from tilth.cli.node import FollowOptions, run_node

    return run_node(
        FollowOptions(
            sync,
            base_path,
            chain,
            rpc_port,
            grpc_port,
            runtime,
            ready_file,
            port or PortOptions(),
            content or ContentOptions(),
            work or WorkOptions(),
        )
    )


@app.command
def demo(*, keep: bool = False) -> int:
    """Watch the whole story: a private table earns money, a buyer gets a trained model.

    Parameters
    ----------
    keep
        Leave the chain running at the end, to look around with any Substrate client.
    """
    from tilth.cli.demo import run_demo

    return run_demo(keep=keep)


@app.command
def replay(folder: Path, /, *, runtime: str) -> int:
    """Check that a runtime seals the very blocks that another was recorded sealing.

    Parameters
    ----------
    folder
        Recordings: `runtime.json` with the genesis, and a file of blocks for each scenario.
    runtime
        The runtime's class, as module:Class.
    """
    from tilth.cli.replay import run_replay

    return run_replay(folder, runtime)


@app.command
def benchmark(
    *,
    runtime: str = "tilth.runtime:DevRuntime",
    pallet: str | None = None,
    call: str | None = None,
    steps: int = 10,
    repeat: int = 10,
    write: bool = False,
) -> int:
    """Measure what calls cost, in Substrate's units.

    Parameters
    ----------
    runtime
        The runtime's class, as module:Class.
    pallet
        Measure this pallet only, by its name in the runtime.
    call
        Measure this call or hook only.
    steps
        Points over the range of each component.
    repeat
        Runs at each point; the median counts.
    write
        Write what was measured beside the pallet, as its weights file.
    """
    from tilth.cli.benchmark import BenchmarkOptions, run_benchmark

    return run_benchmark(BenchmarkOptions(runtime, pallet, call, steps, repeat, write))
