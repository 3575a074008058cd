"""Seeds of a study and of its search: the rule for them, and further seeds where more are needed than are listed."""

from collections import Counter
from collections.abc import Collection, Sequence

from core.errors import ConfigError
from core.settings.toml_files import MAX_INTEGER
from core.settings.value_rules import shown_value


def check_seeds(key: str, seeds: Sequence[int]) -> None:
    """Check a list of seeds; `key` is its key in a study file.

    Raises:
        ConfigError: there is none, or one is negative, too large to be stored, or occurs twice.
    """
    repeated = [seed for seed, count in Counter(seeds).items() if count > 1]
    if not seeds or repeated or min(seeds) < 0 or max(seeds) > MAX_INTEGER:
        shown = f"{repeated[0]} twice" if repeated else shown_value(list(seeds))
        raise ConfigError(f"{key} must be distinct non-negative integers below 2^63, at least one; got {shown}")


def continued_seeds(seeds: Sequence[int], n_seeds: int, skipped: Collection[int] = ()) -> tuple[int, ...]:
    """The first `n_seeds` seeds of a study, continued by consecutive numbers above the largest one if it has fewer.

    Args:
        seeds: Seeds in the file of the study, at least one.
        n_seeds: Number of seeds that are returned.
        skipped: Seeds that are not taken, because a search uses them.

    Raises:
        ConfigError: the further seeds would be too large to be stored.
    """
    continued, not_taken = list(seeds), frozenset(skipped)
    candidate = max(seeds)
    while len(continued) < n_seeds:
        candidate += 1
        if candidate > MAX_INTEGER:
            raise ConfigError(
                f"further seeds follow the largest one, and none follows {MAX_INTEGER}; give smaller seeds, or list all"
            )
        if candidate not in not_taken:
            continued.append(candidate)
    return tuple(continued[:n_seeds])
