"""Seeds of a study, continued by further ones where more are needed than its file lists."""

from collections.abc import Collection, Sequence


def continued_seeds(seeds: Sequence[int], n_seeds: int, skipped: Collection[int] = ()) -> tuple[int, ...]:
    """The first `n_seeds` seeds of a study, continued by consecutive numbers above the largest one if it has fewer.

    Args:
        seeds: Seeds in the file of the study, at least one.
        n_seeds: Number of seeds that are returned.
        skipped: Seeds that are not taken, because a search uses them.
    """
    continued = list(seeds)
    candidate = max(seeds)
    while len(continued) < n_seeds:
        candidate += 1
        if candidate not in skipped:
            continued.append(candidate)
    return tuple(continued[:n_seeds])
