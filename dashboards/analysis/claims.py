"""Claims that the contrasts of a study test, and whether they hold.

A claim is confirmed if all of its comparisons end as expected, and not confirmed if one of them ends otherwise: as the
opposite, as equivalent where a difference is claimed, or as a difference where equivalence is. Until then, these seeds
leave it undecided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dashboards.analysis.comparisons import Comparison

ClaimVerdict = Literal["confirmed", "not confirmed", "undecided"]
"""Whether a claim holds; `undecided` if these seeds cannot decide."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim in words and the comparisons that test it."""

    text: str
    comparisons: tuple[Comparison, ...]

    @property
    def verdict(self) -> ClaimVerdict:
        """Whether the claim holds."""
        verdicts = {_verdict(comparison) for comparison in self.comparisons}
        if "not confirmed" in verdicts:
            return "not confirmed"
        return "undecided" if "undecided" in verdicts else "confirmed"


def claims(comparisons: Sequence[Comparison]) -> tuple[Claim, ...]:
    """The claims of a study, in the order in which they are declared."""
    by_text: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        if comparison.claim is not None:
            by_text.setdefault(comparison.claim, []).append(comparison)
    return tuple(Claim(text, tuple(members)) for text, members in by_text.items())


def _verdict(comparison: Comparison) -> ClaimVerdict:
    """Whether one comparison of a claim ends as expected."""
    if comparison.conclusion in (None, "undecided"):
        return "undecided"
    return "confirmed" if comparison.conclusion == comparison.expected else "not confirmed"
