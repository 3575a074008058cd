"""Fractions of two-level factorial designs: generators, resolution and confounded effects.

A 2^(k-p) design runs all combinations of k - p base factors at levels -1 and +1; each other factor is set to a product
of base factors, its generator. An effect is the product of the levels of some factors, and two effects whose products
are equal over all runs are confounded: the data cannot tell them apart. The resolution is the smallest number of
factors whose product is constant. At resolution III, main effects are confounded with products of two factors; at IV,
with products of three; at V, products of two factors are confounded with products of three only.

Box, Hunter, Hunter, "Statistics for Experimenters", 2nd edition, 2005, chapter 6. A product of factors is represented
as a bit mask of base factors, so multiplication is the exclusive or.
"""

import itertools
import re
from dataclasses import dataclass

from core.errors import ConfigError
from core.settings.value_rules import shown_value

LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
"""Names of the factors in generators, in the order of the space; I is the identity."""
MAX_RESOLUTION = 5
"""Resolutions are told apart up to V, which stands for V or higher."""
_MINIMUM_ABERRATION = (
    "C=AB",
    "D=ABC",
    "D=AB E=AC",
    "E=ABCD",
    "D=AB E=AC F=BC",
    "E=ABC F=BCD",
    "F=ABCDE",
    "D=AB E=AC F=BC G=ABC",
    "E=ABC F=BCD G=ACD",
    "F=ABCD G=ABDE",
    "G=ABCDEF",
    "E=BCD F=ACD G=ABC H=ABD",
    "F=ABC G=ABD H=BCDE",
    "G=ABCD H=ABEF",
    "E=ABC F=BCD G=ACD H=ABD J=ABCD",
    "F=BCDE G=ACDE H=ABDE J=ABCE",
    "H=ACDFG J=BCEFG",
    "E=ABC F=BCD G=ACD H=ABD J=ABCD K=AB",
    "F=ABCD G=ABCE H=ABDE J=ACDE K=BCDE",
    "H=ABCG J=BCDE K=ACDF",
    "E=ABC F=BCD G=ACD H=ABD J=ABCD K=AB L=AC",
    "F=ABC G=BCD H=CDE J=ACD K=ADE L=BDE",
    "H=ABCG J=BCDE K=ACDF L=ABCDEFG",
)
"""Generators of minimum aberration, which confound as few effects of low order as possible, by factors and runs.

Box, Hunter, Hunter 2005, table 6.22; Fries, Hunter, "Minimum aberration 2^(k-p) designs", Technometrics 22, 1980.
"""


@dataclass(frozen=True, slots=True)
class Fraction:
    """A fraction of a two-level factorial design."""

    n_base: int
    """Number of base factors, of which all combinations run; they are the first ones."""
    generators: tuple[tuple[int, int], ...] = ()
    """For each other factor the bit mask of the base factors of its product, and the product's sign, -1 or 1."""

    @property
    def columns(self) -> tuple[tuple[int, int], ...]:
        """Bit mask of base factors and sign of each factor."""
        return (*((1 << index, 1) for index in range(self.n_base)), *self.generators)

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return 1 << self.n_base

    @property
    def resolution(self) -> int:
        """The resolution, at most `MAX_RESOLUTION`, which is also that of all combinations.

        It is 2 if two factors are equal, and 1 if one is constant.
        """
        masks = [mask for mask, _ in self.columns]
        if 0 in masks:
            return 1
        if len(set(masks)) < len(masks):
            return 2
        pairs = [one ^ other for one, other in itertools.combinations(masks, 2)]
        if set(pairs) & set(masks):
            return 3
        return 4 if len(set(pairs)) < len(pairs) else MAX_RESOLUTION

    def runs(self) -> list[tuple[int, ...]]:
        """Levels -1 and 1 of all factors in each run, the last base factor varying fastest."""
        return [
            tuple(sign * _product(levels, mask) for mask, sign in self.columns)
            for levels in itertools.product((-1, 1), repeat=self.n_base)
        ]

    def aliases(self) -> list[list[tuple[int, tuple[int, ...]]]]:
        """Groups of confounded main effects and products of two factors.

        Returns:
            For each group of at least two effects, the sign and the indices of the factors of each effect. The first
            effect of a group has sign 1.
        """
        columns = self.columns
        groups: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
        for order in (1, 2):
            for factors in itertools.combinations(range(len(columns)), order):
                mask, sign = 0, 1
                for factor in factors:
                    mask, sign = mask ^ columns[factor][0], sign * columns[factor][1]
                groups.setdefault(mask, []).append((sign, factors))
        return [
            [(sign * group[0][0], factors) for sign, factors in group] for group in groups.values() if len(group) > 1
        ]


def smallest_fraction(n_factors: int, resolution: int) -> Fraction:
    """The fraction with the fewest runs that has at least this resolution.

    Up to 11 factors it has minimum aberration. Beyond, generators of resolution IV are products of odd numbers of
    factors, and those of V are the first products in binary order that keep the resolution, a greedy code (Conway,
    Sloane, "Lexicographic codes", IEEE Transactions on Information Theory 32, 1986).

    Args:
        n_factors: Number of factors, at least 1.
        resolution: 3, 4 or 5.
    """
    n_base = next(n for n in itertools.count(1) if len(_words(n, resolution)) + n >= n_factors)
    words = _words(n_base, resolution)[: n_factors - n_base]
    tabulated = [
        fraction for fraction in _table() if len(fraction.columns) == n_factors and fraction.resolution >= resolution
    ]
    general = Fraction(n_base, tuple((word, 1) for word in words))
    return min([*tabulated, general], key=lambda fraction: fraction.n_runs)


def parsed_fraction(generators: list[str], n_factors: int) -> Fraction:
    """The fraction with generators such as `D = ABC` or `E = -BCD`; factors have the letters `LETTERS` in order.

    Raises:
        ConfigError: a generator is no product of base factors, a factor has none or two, or two factors are equal.
    """
    words: dict[str, tuple[int, int]] = {}
    n_base = n_factors - len(generators)
    base, others = LETTERS[: max(0, n_base)], LETTERS[max(0, n_base) : n_factors]
    for text in generators:
        match = re.fullmatch(r"\s*([A-Z])\s*=\s*([+-]?)\s*([A-Z]+)\s*", text)
        if match is None or match[1] not in others or set(match[3]) - set(base) or len(set(match[3])) < len(match[3]):
            raise ConfigError(
                f"with {n_factors} factors and {len(generators)} generators, each sets one of {others or 'none'} to "
                f"a product of different factors among {base or 'none'}, such as D = ABC; got {shown_value(text)}; "
                "correct it"
            )
        if match[1] in words:
            raise ConfigError(f"factor {match[1]} has two generators; leave one of them out")
        words[match[1]] = sum(1 << base.index(letter) for letter in match[3]), -1 if match[2] == "-" else 1
    fraction = Fraction(n_base, tuple(words[letter] for letter in others))
    if fraction.resolution < 3:
        raise ConfigError(
            f"generators {', '.join(generators)} give two factors the same levels in all runs; use longer products"
        )
    return fraction


def _table() -> list[Fraction]:
    """The fractions of minimum aberration."""
    fractions = []
    for line in _MINIMUM_ABERRATION:
        generators = line.split()
        fractions.append(parsed_fraction(generators, LETTERS.index(generators[-1][0]) + 1))
    return fractions


def _words(n_base: int, resolution: int) -> list[int]:
    """Products of base factors that together keep a resolution, the best ones first."""
    products = range(1, 1 << n_base)
    if resolution == 3:
        return sorted((word for word in products if word.bit_count() >= 2), key=lambda word: -word.bit_count())
    if resolution == 4:
        odd = (word for word in products if word.bit_count() % 2 and word.bit_count() >= 3)
        return sorted(odd, key=lambda word: word.bit_count())
    columns = [1 << index for index in range(n_base)]
    pairs = {one ^ other for one, other in itertools.combinations(columns, 2)} | {0}
    for word in products:
        # At resolution V no product of up to four factors is constant.
        if word not in columns and not any(word ^ column in pairs for column in columns) and word not in pairs:
            pairs |= {word ^ column for column in columns}
            columns.append(word)
    return columns[n_base:]


def _product(levels: tuple[int, ...], mask: int) -> int:
    """Product of the levels of the base factors in a mask."""
    product = 1
    for index, level in enumerate(levels):
        if mask >> index & 1:
            product *= level
    return product
