"""Substrate's state trie: roots, lookups and proofs, as values that share what they share."""

from tilth.primitives.trie.nodes import EMPTY_ROOT as EMPTY_ROOT
from tilth.primitives.trie.nodes import CorruptNode as CorruptNode
from tilth.primitives.trie.ordered import OrderedTrie as OrderedTrie
from tilth.primitives.trie.ordered import ordered_root as ordered_root
from tilth.primitives.trie.ordered import verify_ordered as verify_ordered
from tilth.primitives.trie.trie import InvalidProof as InvalidProof
from tilth.primitives.trie.trie import Layout as Layout
from tilth.primitives.trie.trie import Trie as Trie
from tilth.primitives.trie.trie import verify_proof as verify_proof
