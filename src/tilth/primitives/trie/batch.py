"""One batch of changes: a single walk over the sorted keys that makes each dirty node once."""

from collections.abc import Iterable
from itertools import takewhile

from tilth.primitives.trie.nodes import (
    HEX,
    NIBBLE,
    Branch,
    Fetch,
    Leaf,
    Node,
    Value,
    child_of,
    reference,
    same_value,
)

OWED = b"\xff"  # stands where a reference will, until the branch is closed

Change = tuple[bytes, Value | None]  # path, and the new value or None to delete


def apply(top: Node | None, changes: Iterable[Change], fetch: Fetch) -> Node | None:
    """The top of the trie with these changes, which must come in the order of their paths."""
    batch = _Batch(top, fetch)
    for path, value in changes:
        batch.change(path, value)
    return batch.finish()


class _Open:
    """A private copy of a branch on the path of the last change, closed when the walk leaves it."""

    __slots__ = ("branch", "dirty", "path", "reshaped", "slot", "touched")

    def __init__(self, branch: Branch, path: bytes, slot: int, *, fresh: bool) -> None:
        self.branch = branch
        self.path = path  # from the root to the end of the branch's partial
        self.slot = slot  # where its parent holds it
        self.dirty = fresh
        self.reshaped = fresh  # the head is owed
        self.touched: list[int] = []  # children whose reference is owed

    def put(self, slot: int, child: Node | None) -> None:
        branch = self.branch
        if child is None:
            branch.refs[slot] = b""
            self.reshaped = True
        else:
            self.touched.append(slot)
            if branch.children[slot] is None:
                branch.refs[slot] = OWED
                self.reshaped = True
        branch.children[slot] = child
        self.dirty = True


class _Batch:
    """The branches from the top to the last change stand open, innermost last."""

    __slots__ = ("fetch", "stack", "top")

    def __init__(self, top: Node | None, fetch: Fetch) -> None:
        self.top = top
        self.fetch = fetch
        self.stack: list[_Open] = []

    def change(self, path: bytes, value: Value | None) -> None:
        stack = self.stack
        while stack and not path.startswith(stack[-1].path):
            self._close()
        while True:
            slot, at, node = 0, 0, self.top
            if stack:
                branch, at = stack[-1].branch, len(stack[-1].path)
                if at == len(path):
                    return self._set_branch_value(stack[-1], value)
                slot, at = NIBBLE[path[at]], at + 1
                node = branch.children[slot] or child_of(branch, slot, self.fetch)
            if node is None:
                return None if value is None else self._put(slot, Leaf(path[at:], value))
            end = at + len(node.partial)
            meets = path.startswith(node.partial, at)
            if meets and type(node) is Branch:
                stack.append(_Open(node.copy(), path[:end], slot, fresh=False))
            elif meets and end == len(path):
                return self._set_leaf_value(slot, node, value)
            elif value is None:
                return None
            else:
                self._split(slot, node, path, at)

    def finish(self) -> Node | None:
        while self.stack:
            self._close()
        return self.top

    def _put(self, slot: int, node: Node | None) -> None:
        if self.stack:
            self.stack[-1].put(slot, node)
        else:
            self.top = node

    def _set_branch_value(self, open_: _Open, value: Value | None) -> None:
        if not same_value(open_.branch.value, value):
            open_.branch.value = value
            open_.dirty = open_.reshaped = True

    def _set_leaf_value(self, slot: int, leaf: Node, value: Value | None) -> None:
        assert type(leaf) is Leaf, "a branch would have been opened"
        if value is None:
            self._put(slot, None)
        elif not same_value(leaf.value, value):
            self._put(slot, leaf.with_value(value))

    def _split(self, slot: int, node: Node, path: bytes, at: int) -> None:
        """Open a new branch where this path leaves the node's, with the node below it."""
        common = _common_length(node.partial, path[at:])
        branch = Branch(node.partial[:common], None, [None] * 16, [b""] * 16)
        open_ = _Open(branch, path[: at + common], slot, fresh=True)
        if common == len(node.partial):
            branch.value = node.value  # only a leaf: a branch would have been opened
        else:
            digit = NIBBLE[node.partial[common]]
            open_.put(digit, node.with_partial(node.partial[common + 1 :]))
        self.stack.append(open_)

    def _close(self) -> None:
        open_ = self.stack.pop()
        if open_.dirty:
            self._put(open_.slot, self._closed(open_))

    def _closed(self, open_: _Open) -> Node | None:
        """The branch with every reference made; collapsed where fewer than two paths are left."""
        branch = open_.branch
        if open_.reshaped:
            left = 16 - branch.refs.count(b"")
            if left == 0:
                return None if branch.value is None else Leaf(branch.partial, branch.value)
            if left == 1 and branch.value is None:
                return self._joined(branch)
            branch.settle()
        for slot in open_.touched:
            if (child := branch.children[slot]) is not None:
                branch.refs[slot] = reference(child)
        return branch

    def _joined(self, branch: Branch) -> Node:
        slot = next(slot for slot, ref in enumerate(branch.refs) if ref)
        child = child_of(branch, slot, self.fetch)
        assert child is not None, "a slot with a reference has a child"
        return child.with_partial(branch.partial + HEX[slot : slot + 1] + child.partial)


def _common_length(one: bytes, other: bytes) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
