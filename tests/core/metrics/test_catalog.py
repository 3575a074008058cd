"""The catalogue of metrics: full names, their metrics, and unknown names."""

import pytest

from core.errors import ConfigError
from core.metrics.base import AudioProxy, CurveDistance
from core.metrics.catalog import METRICS, full_names, label, metric_of

CURVES = ("l1", "l1_diff", "pcc", "frechet", "dtw", "esr")
INTERPRETABILITY = (
    "tv",
    "turning_points",
    "spectral_entropy",
    "range",
    "saturation",
    "description_length",
    "dominant_rate",
)


def test_every_metric_has_one_name_of_a_group_and_a_metric() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert metric.name.count(".") == 1
        assert metric.name.startswith(f"{metric.group}.")
        assert metric.direction in ("minimize", "maximize", "neutral")


def test_only_distances_of_curves_and_proxies_have_projections() -> None:
    for metric in METRICS:
        match metric.compute:
            case CurveDistance():
                assert metric.projections == ("lls1", "lls3")
            case AudioProxy():
                assert metric.projections == ("lls3",)
            case _:
                assert metric.projections == ()


def test_full_names_begin_with_the_means_and_follow_the_modulations() -> None:
    means = [
        "audio.mss",
        "audio.mel_stft",
        "audio.log_mel",
        "audio.mfcc",
        *(f"curves.{name}{fit}" for name in CURVES for fit in ("", ".lls1", ".lls3")),
        *(f"interpretability.{name}" for name in INTERPRETABILITY),
        "effect.mss",
        "lfo.rate_match",
        *(
            f"proxies.{feature}{cutoff}_{name}{fit}"
            for feature in ("rms", "centroid", "bandwidth", "flatness")
            for cutoff in ("", "_8hz")
            for name in ("l1", "pcc")
            for fit in ("", ".lls3")
        ),
        "cost.train_s",
    ]
    per_modulation = [name for name in means if name.startswith(("curves", "interpretability", "effect", "lfo"))]
    assert list(full_names(())) == means
    assert list(full_names(("tone", "level"))) == [
        *means,
        *(f"{name}.tone" for name in per_modulation),
        *(f"{name}.level" for name in per_modulation),
    ]


def test_every_full_name_belongs_to_its_metric() -> None:
    for name in full_names(("add", "level_2")):
        assert name.startswith(metric_of(name).name)


@pytest.mark.parametrize(
    "name",
    [
        "audio",
        "audio.foo",
        "audio.mss.lls3",
        "audio.mss.add",
        "cost.train_s.add",
        "curves.l1.lls3.lls1",
        "curves.l1.lls3.add.env",
        "curves.l1.",
        "interpretability.tv.lls1",
        "interpretability.tv.lls1.add",
        "proxies.rms_l1.lls1",
        "proxies.rms_l1.env",
    ],
)
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="unknown metric"):
        metric_of(name)


def test_an_unknown_name_is_answered_with_the_closest_or_with_the_names_of_its_group() -> None:
    with pytest.raises(ConfigError, match=r"unknown metric 'audio\.msss'; did you mean audio\.mss\?"):
        metric_of("audio.msss")
    with pytest.raises(ConfigError, match=r"with group\.metric one of curves\.l1, .*, curves\.esr$"):
        metric_of("curves.correlation_of_ranks")


def test_label_has_the_unit() -> None:
    assert label("interpretability.tv.env") == "interpretability.tv.env (1/s)"
    assert label("audio.mss") == "audio.mss"
