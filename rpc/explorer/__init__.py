"""The explorer: a page that the node serves of itself, and what it reads of the chain for it."""
