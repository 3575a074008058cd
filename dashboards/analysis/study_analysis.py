"""Everything that verdicts, reports and exports say about the results of a study, each computed when first needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from dashboards.analysis.arm_pairs import ArmPair
from dashboards.analysis.claims import Claim, claims
from dashboards.analysis.comparisons import Comparison, comparisons, incomparable_pairs
from dashboards.analysis.effects import Effects, effects
from dashboards.analysis.front_uncertainty import FrontUncertainty, front_uncertainty
from dashboards.analysis.importance import CellImportance, importance
from dashboards.analysis.study_results import StudyResults
from dashboards.analysis.verdict import TOLERANCE, Verdict, make_verdict


@dataclass(frozen=True)
class StudyAnalysis:
    """Analysis of the results of a study; each part is computed once."""

    results: StudyResults
    root: str = "runs"
    """Root folder of the study, for commands in texts."""
    tolerance: float = TOLERANCE
    """Loss in the first objective that the recommended arm may have, as a share of the best mean."""

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Paired comparisons of arms, the confirmatory ones first."""
        return comparisons(self.results)

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """Claims that the contrasts of the study test, and whether they hold."""
        return claims(self.comparisons)

    @cached_property
    def verdict(self) -> Verdict:
        """Which arm to pick, and how sure that is."""
        return make_verdict(self.results, self.tolerance)

    @cached_property
    def incomparable_pairs(self) -> tuple[ArmPair, ...]:
        """Confirmatory pairs that cannot be compared, because no seed of both arms has the metric."""
        return incomparable_pairs(self.results)

    @cached_property
    def front(self) -> FrontUncertainty | None:
        """Uncertainty of the front; None if no arm can be on it."""
        return front_uncertainty(self.results)

    @cached_property
    def front_probabilities(self) -> Mapping[str, float]:
        """Probability of being on the front by arm; empty if it is unknown, or a race has chosen the seeds."""
        if self.results.race or self.front is None or self.front.probabilities is None:
            return {}
        return self.front.probabilities.on_front

    @cached_property
    def effects(self) -> Effects | None:
        """Effects of factors and components; None if the study is no factorial and leaves nothing out."""
        return effects(self.results)

    @cached_property
    def importance(self) -> tuple[CellImportance, ...] | None:
        """Importance of the searched dimensions by cell and objective; None without a search that has enough points."""
        return importance(self.results)
