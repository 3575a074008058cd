"""Everything that verdicts, reports and exports say about the results of a study, each computed when first needed."""

from dataclasses import dataclass
from functools import cached_property

from dashboards.analysis.comparisons import Comparison, comparisons
from dashboards.analysis.front_uncertainty import FrontUncertainty, front_uncertainty
from dashboards.analysis.study_results import StudyResults


@dataclass(frozen=True)
class StudyAnalysis:
    """Analysis of the results of a study; each part is computed once."""

    results: StudyResults

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Paired comparisons of arms."""
        return comparisons(self.results)

    @cached_property
    def front(self) -> FrontUncertainty | None:
        """Uncertainty of the front; None if no arm can be on it."""
        return front_uncertainty(self.results)
