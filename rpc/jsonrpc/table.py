"""Every method this node answers."""

from tilth.rpc.jsonrpc import (
    archive,
    author,
    block_stats,
    chain,
    chain_head,
    chain_spec,
    child_state,
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


def method_table() -> MethodTable:
    table = MethodTable(
        archive,
        author,
        block_stats,
        chain,
        chain_head,
        chain_spec,
        child_state,
        offchain,
        payment,
        session_keys,
        state,
        system,
        tracing,
        transaction,
    )
    add_discovery(table)
    return table
