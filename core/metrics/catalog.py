"""List of all metrics, and their full names.

A full name is `group.metric[.projection][.modulation]`, as in `audio.mss`, `curves.l1`, `curves.pcc.lls3.add` and
`interpretability.tv.env`; without a modulation it is the mean over the modulations, for a metric that has them.
"""

from collections.abc import Iterator, Sequence
from functools import cache

from core.errors import ConfigError
from core.metrics.audio import LOG_MEL, MEL_STFT, MFCC, MSS
from core.metrics.base import PROJECTIONS, Metric
from core.metrics.cost import TRAIN_S
from core.metrics.curves import DTW, ESR, FRECHET, L1, L1_DIFFERENCE, PEARSON
from core.metrics.description import DESCRIPTION_LENGTH
from core.metrics.effect import EFFECT
from core.metrics.interpretability import (
    DOMINANT_RATE,
    RANGE,
    SATURATION,
    SPECTRAL_ENTROPY,
    TOTAL_VARIATION,
    TURNING_POINTS,
)
from core.metrics.lfo import RATE_MATCH
from core.metrics.proxies import PROXIES
from core.settings.suggestions import did_you_mean
from core.settings.value_rules import shown_value
from core.statistics.support import REAL, Support

METRICS: tuple[Metric, ...] = (
    MSS,
    MEL_STFT,
    LOG_MEL,
    MFCC,
    L1,
    L1_DIFFERENCE,
    PEARSON,
    FRECHET,
    DTW,
    ESR,
    TOTAL_VARIATION,
    TURNING_POINTS,
    SPECTRAL_ENTROPY,
    RANGE,
    SATURATION,
    DESCRIPTION_LENGTH,
    DOMINANT_RATE,
    EFFECT,
    RATE_MATCH,
    *PROXIES,
    TRAIN_S,
)


def metric_of(name: str) -> Metric:
    """The metric that a full name refers to.

    Raises:
        ConfigError: no metric has this name.
    """
    parts = name.split(".")
    for metric in METRICS:
        if metric.name == ".".join(parts[:2]):
            rest = parts[2:]
            if rest and rest[0] in metric.projections:
                rest = rest[1:]
            is_modulation = len(rest) == 1 and rest[0].isidentifier() and rest[0] not in PROJECTIONS
            if not rest or (metric.is_per_modulation and is_modulation):
                return metric
    known = [metric.name for metric in METRICS]
    of_group = [other for other in known if other.startswith(f"{parts[0]}.")] or known
    otherwise = f"names are group.metric[.projection][.modulation] with group.metric one of {', '.join(of_group)}"
    raise ConfigError(f"unknown metric {shown_value(name)}; {did_you_mean(name, known, otherwise=otherwise)}")


@cache
def support_of(name: str) -> Support:
    """Range of the metric that a full name refers to; any number if no metric has this name."""
    try:
        return metric_of(name).support
    except ConfigError:
        return REAL


def full_names(modulations: Sequence[str]) -> Iterator[str]:
    """Full names of all metrics for these modulations: means over modulations first, then each modulation."""
    for modulation in ("", *modulations):
        for metric in METRICS:
            if modulation and not metric.is_per_modulation:
                continue
            for projection in ("", *metric.projections):
                yield ".".join(part for part in (metric.name, projection, modulation) if part)


def without_modulation(name: str) -> str:
    """The full name of a metric without its modulation, such as `curves.pcc.lls3` for `curves.pcc.lls3.add`."""
    group, metric, *rest = name.split(".")
    return ".".join([group, metric, *(part for part in rest[:1] if part in PROJECTIONS)])


def label(name: str) -> str:
    """Label of a plot axis: the full name of a metric with its unit."""
    metric = metric_of(name)
    return f"{name} ({metric.unit})" if metric.unit else name
