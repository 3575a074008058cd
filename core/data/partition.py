"""Partition of items into sets that are joined one after another (union-find)."""


class Partition:
    """Disjoint sets of the numbers 0 to n - 1, at first one for each."""

    def __init__(self, n: int) -> None:
        self._parents = list(range(n))

    def first(self, item: int) -> int:
        """The smallest number in the set of an item."""
        while (parent := self._parents[item]) != item:
            self._parents[item] = self._parents[parent]
            item = self._parents[item]
        return item

    def join(self, one: int, other: int) -> None:
        """Join the sets of two items."""
        low, high = sorted((self.first(one), self.first(other)))
        self._parents[high] = low
