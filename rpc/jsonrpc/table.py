"""Every method this node answers."""

from tilth.rpc.jsonrpc import (
    archive,
    author,
    chain,
    chain_head,
    chain_spec,
    payment,
    state,
    system,
    transaction,
)
from tilth.rpc.jsonrpc.dispatch import MethodTable


def method_table() -> MethodTable:
    return MethodTable(
        archive,
        author,
        chain,
        chain_head,
        chain_spec,
        payment,
        state,
        system,
        transaction,
    )
