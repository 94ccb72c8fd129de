"""Every method this node answers."""

from tilth.rpc.jsonrpc import (
    archive,
    author,
    bitswap,
    block_stats,
    chain,
    chain_head,
    chain_spec,
    child_state,
    datasets,
    dev,
    engine,
    explorer,
    jobs,
    offchain,
    payment,
    session_keys,
    state,
    system,
    tracing,
    transaction,
)
from tilth.rpc.jsonrpc.dispatch import MethodTable
from tilth.rpc.jsonrpc.openrpc import add_discovery


def method_table(*, tools: bool = True) -> MethodTable:
    """Without `tools` it has none of what is for dev chains alone."""
    table = MethodTable(
        archive,
        author,
        bitswap,
        block_stats,
        chain,
        chain_head,
        chain_spec,
        child_state,
        datasets,
        explorer,
        jobs,
        offchain,
        payment,
        session_keys,
        state,
        system,
        tracing,
        transaction,
        *((dev, engine) if tools else ()),
    )
    add_discovery(table)
    return table
