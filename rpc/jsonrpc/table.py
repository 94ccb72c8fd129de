"""Every method this node answers."""

from tilth.rpc.jsonrpc import author, chain, payment, state, system
from tilth.rpc.jsonrpc.dispatch import MethodTable


def method_table() -> MethodTable:
    return MethodTable(author, chain, payment, state, system)
