"""The node: keeps a chain, takes transactions, makes blocks, and does off-chain work."""
