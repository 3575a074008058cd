"""A warning on the conclusions that the number of seeds supports."""

from core.statistics.paired import MIN_PAIRS_FOR_TEST, t_factor
from core.statistics.power import smallest_p


def seed_caveat(n_seeds: int) -> str:
    """Text on the conclusions that `n_seeds` paired seeds support."""
    if n_seeds < 1:
        return "No seed has finished: there is nothing to compare yet."
    if n_seeds == 1:
        return (
            "One seed: no interval can be given, and a difference between arms may be the seed's own. "
            "Read it as an example, not as evidence."
        )
    if n_seeds < MIN_PAIRS_FOR_TEST:
        return (
            f"{n_seeds} seeds: indication, not evidence. A 95 % interval spans {t_factor(n_seeds):.1f} standard errors "
            f"to each side, and a paired test over {n_seeds} pairs cannot reach p < 0.05 whatever the outcome "
            f"(its smallest p is {smallest_p(n_seeds):.3g}). {MIN_PAIRS_FOR_TEST} seeds are the fewest for one "
            "comparison, 8 or more for several."
        )
    return (
        f"{n_seeds} seeds: intervals are 95 % Student-t intervals; paired comparisons are tested by sign flips "
        "and adjusted for their number (Holm)."
    )
