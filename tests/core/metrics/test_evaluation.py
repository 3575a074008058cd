"""Evaluation of a split: names, means, undefined values, and synths with other modulations than the truth."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from core.clips import Clips
from core.metrics.catalog import METRICS, full_names, metric_of
from core.metrics.curves import l1, project_on_all, project_on_same
from core.metrics.evaluation import Estimates, Evaluation, evaluate
from core.metrics.interpretability import total_variation
from core.seeding import generator

TRUE_NAMES = ("add", "sub", "env")
CURVES = tuple(f"curves.{name}" for name in ("l1", "l1_diff", "pcc", "frechet", "dtw", "esr"))
INTERPRETABILITY = (
    "interpretability.tv",
    "interpretability.turning_points",
    "interpretability.spectral_entropy",
    "interpretability.range",
    "interpretability.saturation",
    "interpretability.description_length",
    "interpretability.dominant_rate",
)
LATER = ("cost.", "lfo.", "effect.")
"""Groups of metrics that need a record, declared rates, or sounds that are rendered again."""


def clips_of(*, with_truth: bool = True) -> Clips:
    draw = generator(0, "clips")
    return Clips(
        ids=("a", "b"),
        audio=torch.rand(2, 8000, generator=draw) - 0.5,
        f0_hz=torch.tensor([100.0, 200.0]),
        q=torch.zeros(2),
        modulation=torch.rand(2, 3, 63, generator=draw) if with_truth else None,
        modulation_names=TRUE_NAMES if with_truth else (),
    )


def random_curves(n_modulations: int) -> Tensor:
    return torch.rand(2, n_modulations, 63, generator=generator(1, "estimate"))


def estimates_of(modulation: Tensor, names: tuple[str, ...] = TRUE_NAMES, **changes: Any) -> Estimates:
    clips = changes.pop("clips", clips_of())
    return Estimates(
        clips=clips,
        audio=clips.audio,
        modulation=modulation,
        numbers=changes.pop("numbers", torch.full(modulation.shape[:2], 16.0)),
        modulation_names=names,
        sample_rate=16_000,
        frame_rate=125.0,
        **changes,
    )


def evaluated(modulation: Tensor, names: tuple[str, ...] = TRUE_NAMES) -> Evaluation:
    return evaluate(estimates_of(modulation, names))


def truth() -> Tensor:
    modulation = clips_of().modulation
    assert modulation is not None
    return modulation


def test_every_name_is_known_and_every_metric_is_there() -> None:
    values = evaluated(random_curves(3)).values
    assert all(metric_of(name) for name in values)
    assert set(values) == {name for name in full_names(TRUE_NAMES) if not name.startswith(LATER)}
    assert {metric.name for metric in METRICS if not metric.name.startswith(LATER)} <= set(values)


def test_bare_names_are_means_over_modulations() -> None:
    values = evaluated(random_curves(3)).values
    for name in (*CURVES, *(f"{name}.lls1" for name in CURVES), *(f"{name}.lls3" for name in CURVES)):
        parts = [values[f"{name}.{modulation}"] for modulation in TRUE_NAMES]
        assert values[name] == pytest.approx(sum(part for part in parts if part is not None) / 3)
    for name in INTERPRETABILITY[:-1]:
        parts = [values[f"{name}.{modulation}"] for modulation in TRUE_NAMES]
        assert values[name] == pytest.approx(sum(part for part in parts if part is not None) / 3)
    assert values["interpretability.dominant_rate"] is None, "noise has no rate"


def test_flat_curves_give_none_and_are_counted() -> None:
    estimate = random_curves(3)
    estimate[0] = 0.5
    estimate[1, 2] = 0.5
    evaluation = evaluated(estimate)
    values = evaluation.values
    assert values["interpretability.tv.env"] is None
    parts = [values["interpretability.tv.add"], values["interpretability.tv.sub"]]
    assert values["interpretability.tv"] == pytest.approx(sum(part for part in parts if part is not None) / 2)
    assert evaluation.undefined["interpretability.tv"] == 4
    assert evaluation.undefined["curves.pcc"] == 4
    assert "curves.l1" not in evaluation.undefined


def test_metric_that_is_undefined_everywhere_is_none() -> None:
    evaluation = evaluated(torch.full((2, 3, 63), 0.5))
    assert evaluation.values["interpretability.tv"] is None
    assert evaluation.values["interpretability.range"] == 0
    assert evaluation.undefined["interpretability.tv"] == 6


def test_values_that_are_not_finite_are_counted_in_every_metric_and_left_out_of_its_mean() -> None:
    estimate, clips = random_curves(3), clips_of()
    audio, flawed = 0.5 * clips.audio, 0.5 * clips.audio
    flawed[1, 100] = torch.nan
    estimate[1, 0, 7] = torch.inf
    evaluation = evaluate(replace(estimates_of(estimate, clips=clips), audio=flawed))
    whole = evaluate(replace(estimates_of(random_curves(3), clips=clips), audio=audio))
    for name in (
        "audio.mss",
        "audio.mel_stft",
        "audio.log_mel",
        "audio.mfcc",
        "proxies.rms_pcc",
        "proxies.rms_l1.lls3",
    ):
        assert evaluation.undefined[name] == 1, name
        assert name not in whole.undefined
        assert evaluation.values[name] == pytest.approx(float(whole.per_clip[name].values[0]), rel=1e-4)
    for name in ("curves.l1", "curves.pcc", "curves.frechet", "curves.dtw", "curves.esr", "curves.l1.lls1"):
        assert evaluation.undefined[name] == 1, name
    assert evaluation.undefined["curves.l1.lls3"] == 3, "all curves of the clip are fitted by the one that is infinite"


def test_without_truth_there_are_no_distances_of_curves() -> None:
    estimates = estimates_of(random_curves(3), clips=clips_of(with_truth=False))
    values = evaluate(estimates).values
    assert not [name for name in values if name.startswith("curves.")]
    assert values["audio.mss"] == 0
    assert values["interpretability.tv.env"] is not None
    assert estimates.projection() is None


def test_values_per_clip_are_those_whose_mean_is_given() -> None:
    evaluation = evaluated(random_curves(3))
    for name, metric in evaluation.per_clip.items():
        assert metric.values.shape == (2, 3)[: 1 + bool(metric.modulations)]
        found = evaluation.values[name]
        assert float(metric.values.mean()) == pytest.approx(float("nan") if found is None else found, nan_ok=True)


class TestSynthOfOtherModulations:
    """The truth has add, sub and env; the synth has two modulations."""

    def test_without_a_shared_name_only_lls3_compares(self) -> None:
        evaluation = evaluated(random_curves(2), ("tone", "level"))
        found = {name for name in evaluation.values if name.startswith("curves.")}
        assert found == {f"{name}.lls3{part}" for name in CURVES for part in ("", ".add", ".sub", ".env")}
        found = {name for name in evaluation.values if name.startswith("interpretability.")}
        assert found == {f"{name}{part}" for name in INTERPRETABILITY for part in ("", ".tone", ".level")}
        assert evaluation.per_clip["curves.l1.lls3"].modulations == TRUE_NAMES
        assert evaluation.per_clip["interpretability.tv"].modulations == ("tone", "level")

    def test_raw_curves_and_lls1_compare_shared_names_only(self) -> None:
        values = evaluated(random_curves(2), ("tone", "env")).values
        found = {name for name in values if name.startswith("curves.")}
        assert found == {
            *(f"{name}{projection}{part}" for name in CURVES for projection in ("", ".lls1") for part in ("", ".env")),
            *(f"{name}.lls3{part}" for name in CURVES for part in ("", ".add", ".sub", ".env")),
        }
        assert values["curves.l1"] == values["curves.l1.env"]

    def test_names_decide_what_is_compared_and_not_places(self) -> None:
        estimate = random_curves(2)
        values = evaluated(estimate, ("env", "tone")).values
        raw = l1(truth()[:, 2], estimate[:, 0]).mean()
        projected = l1(truth()[:, 2:], project_on_same(truth()[:, 2:], estimate[:, :1])).mean()
        assert values["curves.l1.env"] == pytest.approx(float(raw))
        assert values["curves.l1.lls1.env"] == pytest.approx(float(projected))
        same = evaluated(truth()[:, [2, 0, 1]], ("env", "add", "sub")).values
        assert same["curves.l1"] == 0
        assert same["curves.pcc"] == pytest.approx(1)

    def test_lls3_projects_each_true_curve_on_both_recovered_ones(self) -> None:
        estimate = random_curves(2)
        estimates = estimates_of(estimate, ("tone", "level"))
        projection = project_on_all(truth(), estimate)
        values = evaluate(estimates).values
        for place, name in enumerate(TRUE_NAMES):
            expected = l1(truth()[:, place], projection[:, place]).mean()
            assert values[f"curves.l1.lls3.{name}"] == pytest.approx(float(expected))
        assert values["curves.l1.lls3"] == pytest.approx(float(l1(truth(), projection).mean()))
        found = estimates.projection()
        assert found is not None
        torch.testing.assert_close(found, projection)

    def test_bare_names_are_means_over_the_synth_s_modulations(self) -> None:
        estimate = random_curves(2)
        values = evaluated(estimate, ("tone", "level")).values
        each = total_variation(estimate, 125.0).mean(0).tolist()
        found = [values["interpretability.tv.tone"], values["interpretability.tv.level"]]
        assert found == pytest.approx(each)
        assert values["interpretability.tv"] == pytest.approx(sum(each) / 2)


def test_declared_rates_are_compared_for_each_modulation_and_clip() -> None:
    time = torch.arange(256) / 125.0
    slow, fast = 0.5 + 0.4 * torch.sin(2 * torch.pi * torch.tensor([[2.0], [6.0]]) * time)
    curves = torch.stack([torch.stack([slow, fast]), torch.stack([fast, fast])])
    clips = clips_of(with_truth=False)
    clips = replace(clips, audio=clips.audio.repeat(1, 5)[:, : 255 * 128])
    evaluation = evaluate(estimates_of(curves, ("add", "env"), clips=replace(clips, lfo_hz=torch.tensor([2.2, 5.0]))))
    assert evaluation.per_clip["lfo.rate_match"].values.tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert evaluation.values["lfo.rate_match.add"] == 0.5
    assert evaluation.values["lfo.rate_match"] == 0.25
    one = evaluate(estimates_of(curves, ("add", "env"), clips=replace(clips, lfo_hz=torch.tensor([2.2, torch.nan]))))
    assert one.values["lfo.rate_match.add"] == 1.0
    assert one.undefined["lfo.rate_match"] == 2, "clips without a declared rate"
    assert "lfo.rate_match" not in evaluate(estimates_of(curves, ("add", "env"), clips=clips)).values


def test_description_length_counts_numbers_per_second() -> None:
    # Frames at 125 Hz; nothing describes the last curve of the second clip.
    curves = random_curves(3)
    n_frames = curves.shape[-1]
    numbers = torch.tensor([[n_frames, 8.0, 16.0], [n_frames, 4.0, torch.nan]])
    evaluation = evaluate(estimates_of(curves, numbers=numbers))
    values = evaluation.values
    assert values["interpretability.description_length.add"] == pytest.approx(125.0)
    assert values["interpretability.description_length.sub"] == pytest.approx(6 * 125 / n_frames)
    assert values["interpretability.description_length.env"] == pytest.approx(16 * 125 / n_frames)
    assert evaluation.undefined["interpretability.description_length"] == 1
