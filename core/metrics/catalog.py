"""The name, direction, unit and meaning of every metric.

A full name is `group.metric[.fit][.signal]`, as in `audio.mss`, `curves.l1`, `curves.pcc.lls3.add` and
`interpretability.tv.env`; without a signal it is the mean over the signals.
"""

from dataclasses import dataclass
from typing import Literal

from core.errors import ConfigError

Direction = Literal["minimize", "maximize", "describe"]
FITS = ("", "lls1", "lls3")
SIGNALS = ("add", "sub", "env")


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What one metric is; `describe` marks a property that is neither better large nor better small."""

    group: Literal["audio", "curves", "interpretability", "cost"]
    metric: str
    direction: Direction
    unit: str
    prose: str

    @property
    def name(self) -> str:
        return f"{self.group}.{self.metric}"


METRICS: tuple[MetricInfo, ...] = (
    MetricInfo("audio", "mss", "minimize", "", "multi-resolution STFT distance of estimate and target sound"),
    MetricInfo("audio", "mel", "minimize", "", "L1 distance of log-mel spectrograms (50 ms window, 12.5 ms hop)"),
    MetricInfo("curves", "l1", "minimize", "", "mean absolute error of the recovered curve"),
    MetricInfo("curves", "l1_diff", "minimize", "per frame", "mean absolute error of the curve's central differences"),
    MetricInfo("curves", "pcc", "maximize", "", "Pearson correlation of recovered and true curve"),
    MetricInfo("interpretability", "tv", "minimize", "1/s", "total variation per second of the curve scaled to 0..1"),
    MetricInfo("interpretability", "turning_points", "minimize", "", "share of the inner frames where the curve turns"),
    MetricInfo("interpretability", "spectral_entropy", "minimize", "", "spread of the curve's spectrum, 0 to 1"),
    MetricInfo("interpretability", "range", "describe", "", "largest minus smallest value of the curve"),
    MetricInfo("cost", "train_s", "minimize", "s", "wall time of training and validation: compare within one machine"),
)


def metric_info(name: str) -> MetricInfo:
    """The entry that a full name belongs to.

    Raises:
        ConfigError: no metric has this name.
    """
    parts = name.split(".")
    for info in METRICS:
        if parts[:2] == [info.group, info.metric]:
            rest = parts[2:]
            if info.group == "curves" and rest and rest[0] in FITS[1:]:
                rest = rest[1:]
            if not rest or (info.group in ("curves", "interpretability") and len(rest) == 1 and rest[0] in SIGNALS):
                return info
    known = ", ".join(info.name for info in METRICS)
    raise ConfigError(
        f"unknown metric {name!r}; names are group.metric[.fit][.signal] with group.metric one of {known}"
    )


def label(name: str) -> str:
    """A metric's full name with its unit, for an axis."""
    info = metric_info(name)
    return f"{name} ({info.unit})" if info.unit else name
