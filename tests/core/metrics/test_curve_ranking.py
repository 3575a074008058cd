"""The worst curves of a study, against a brute-force ranking and against the metrics of an evaluation."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import ConfigError
from core.metrics.base import CurveDistance, CurveProperty
from core.metrics.catalog import METRICS
from core.metrics.curve_ranking import curve_means, curve_measure, worst_curves
from core.metrics.curves import project_on_same
from core.storage.curve_catalog import open_curves
from core.storage.curves import curve_array, read_curves
from core.storage.store import Store
from tests.support.curve_study import FRAME_RATE, curve_study, random_curves, trial_curves

RAMP = np.linspace(0.0, 1.0, 11)
"""A curve from 0 to 1."""


def constant(value: float) -> np.ndarray:
    return np.full((1, 11), value)


@pytest.fixture
def hand_worked(tmp_path: Path) -> Path:
    """Three arms with one clip, of which the errors are known."""
    ramp = RAMP[None]
    curves = {
        ("exact", 0): trial_curves({"add": (ramp, ramp), "env": (ramp, ramp)}, [0.5]),
        ("shifted", 0): trial_curves({"add": (ramp, ramp), "env": (constant(0.25), constant(0.75))}, [0.9]),
        ("reversed", 0): trial_curves({"add": (ramp, 1 - ramp), "env": (ramp, ramp / 2)}, [0.7]),
    }
    curve_study(Store(tmp_path / "mine"), "mine", curves)
    return tmp_path


def found(root: Path, by: str, n: int = 2) -> list[tuple[str, str | None, float]]:
    ranking = worst_curves(open_curves(root), n, by)
    return [(curve.file.arm, curve.modulation, round(curve.value, 4)) for curve in ranking.curves]


def test_distances_rank_the_largest_values_first(hand_worked: Path) -> None:
    assert found(hand_worked, "l1") == [("reversed", "add", 0.5455), ("shifted", "env", 0.5)]


def test_correlations_rank_the_smallest_values_first_and_count_flat_curves(hand_worked: Path) -> None:
    assert found(hand_worked, "pcc") == [("reversed", "add", -1.0), ("exact", "add", 1.0)]
    ranking = worst_curves(open_curves(hand_worked), 20, "pcc")
    assert (ranking.n_ranked, ranking.n_undefined, len(ranking.curves)) == (5, 1, 5)


def test_the_range_ranks_flat_recovered_curves_first(hand_worked: Path) -> None:
    assert found(hand_worked, "range") == [("shifted", "env", 0.0), ("reversed", "env", 0.5)]


def test_the_sound_ranks_each_clip_once(hand_worked: Path) -> None:
    assert found(hand_worked, "mss", n=9) == [("shifted", None, 0.9), ("reversed", None, 0.7), ("exact", None, 0.5)]


def test_the_time_of_the_largest_error_is_in_seconds(hand_worked: Path) -> None:
    target = np.zeros((1, 11))
    estimate = target.copy()
    estimate[0, 7] = 1.0
    curve_study(Store(hand_worked / "peak"), "peak", {("a", 0): trial_curves({"add": (target, estimate)}, [1.0])})
    (worst,) = worst_curves(open_curves(hand_worked / "peak"), 5).curves
    assert worst.largest_error_s == pytest.approx(7 / FRAME_RATE)
    (clip,) = worst_curves(open_curves(hand_worked / "peak"), 5, "mss").curves
    assert clip.largest_error_s is None


@pytest.mark.parametrize("by", ["l1", "curves.pcc.lls1", "pcc.lls3", "tv", "interpretability.range"])
def test_a_stream_of_files_gives_the_ranking_of_the_whole_table(by: str, tmp_path: Path) -> None:
    for number, name in enumerate(("first", "second")):
        curves = {("frame", seed): random_curves(10 * number + seed, n_clips=5) for seed in range(6)}
        curve_study(Store(tmp_path / name), name, curves)
    catalog = open_curves(tmp_path)
    measure = curve_measure(by)
    values = np.concatenate([measure.values(batch.rows) for batch in catalog.batches()])
    expected = np.sort(values)[::-1] if measure.largest_is_worst else np.sort(values)
    ranking = worst_curves(catalog, 7, by)
    assert [curve.value for curve in ranking.curves] == expected[:7].tolist()
    for curve in ranking.curves:
        row = curve.file.row(curve.row)
        assert row["clip_id"][0].as_py() == curve.clip_id
        assert row["modulation"][0].as_py() == curve.modulation
        assert measure.values(row.to_batches()[0])[0] == curve.value


def test_values_are_those_of_the_metrics_of_an_evaluation(tmp_path: Path) -> None:
    store = Store(tmp_path / "mine")
    attempt = curve_study(store, "mine", {("frame", 0): random_curves(3, n_clips=4)})["frame", 0]
    table = read_curves(store, [attempt.digest])
    target, estimate = (
        torch.from_numpy(np.array(curve_array(table[name]))).reshape(4, 2, -1) for name in ("target", "estimate")
    )
    (rows,) = table.to_batches()
    for metric in METRICS:
        match metric.compute:
            case CurveDistance(function):
                expected = {
                    "": function(target, estimate),
                    ".lls1": function(target, project_on_same(target, estimate)),
                }
            case CurveProperty(function):
                expected = {"": function(estimate, FRAME_RATE)}
            case _:
                continue
        for projection, values in expected.items():
            own = curve_measure(f"{metric.name}{projection}").values(rows)
            np.testing.assert_allclose(own, values.reshape(-1).double().numpy(), rtol=1e-6)


def test_curves_without_truth_or_estimate_are_undefined(tmp_path: Path) -> None:
    ramp = np.stack([RAMP, RAMP])
    curves = trial_curves({"add": (ramp, ramp), "tone": (None, ramp), "sub": (ramp, None)}, [0.1, 0.2])
    curve_study(Store(tmp_path / "mine"), "mine", {("frame", 0): curves})
    catalog = open_curves(tmp_path)
    assert [(r.n_ranked, r.n_undefined) for r in (worst_curves(catalog, 9, by) for by in ("l1", "range"))] == [
        (2, 4),
        (4, 2),
    ]
    unknown = open_curves(tmp_path, modulations=["tone"])
    assert worst_curves(unknown, 9, "l1").curves == ()
    assert worst_curves(unknown, 9, "range").curves[0].largest_error_s is None


def test_means_of_groups_are_those_of_pandas(tmp_path: Path) -> None:
    curves = {(arm, seed): random_curves(seed + len(arm), n_clips=3) for arm in ("a", "bb") for seed in range(3)}
    curve_study(Store(tmp_path / "mine"), "mine", curves)
    catalog = open_curves(tmp_path)
    frame = catalog.dataset().to_table().to_pandas()
    frame["l1"] = [np.abs(t - e).mean() for t, e in zip(frame["target"], frame["estimate"], strict=True)]
    expected = frame.groupby(["arm", "modulation"])["l1"].mean().sort_values(ascending=False)
    means = curve_means(catalog, ("arm", "modulation"))
    assert [mean.group for mean in means] == list(expected.index)
    np.testing.assert_allclose([mean.mean for mean in means if mean.mean is not None], expected, rtol=1e-6)
    assert {mean.n for mean in means} == {9}
    (whole,) = curve_means(catalog, ())
    assert whole.mean == pytest.approx(frame["l1"].mean())


def test_means_of_the_sound_count_a_clip_once(hand_worked: Path) -> None:
    means = curve_means(open_curves(hand_worked), ("study",), "mss")
    assert [(mean.group, round(mean.mean or 0, 4), mean.n) for mean in means] == [(("mine",), 0.7, 3)]


def test_groups_without_a_value_come_last(hand_worked: Path) -> None:
    means = curve_means(open_curves(hand_worked, arms=["shifted"]), ("modulation",), "pcc")
    assert [(mean.group, mean.n, mean.n_undefined) for mean in means] == [(("add",), 1, 0), (("env",), 0, 1)]
    assert means[1].mean is None


@pytest.mark.parametrize("name", ["mel", "audio.mel", "cost.train_s", "loudness", ""])
def test_what_curve_files_do_not_hold_is_refused_with_what_they_do(name: str) -> None:
    with pytest.raises(ConfigError, match=r"curves can be ranked by mss, l1, l1\.lls1, .*; got"):
        curve_measure(name)


def test_impossible_questions_are_refused(hand_worked: Path) -> None:
    catalog = open_curves(hand_worked)
    with pytest.raises(ConfigError, match="must be positive; got 0"):
        worst_curves(catalog, 0)
    with pytest.raises(ConfigError, match="one value per clip, so it cannot be grouped by modulation"):
        curve_means(catalog, ("modulation",), "mss")
    with pytest.raises(ConfigError, match="curves are grouped by study, arm, seed, clip_id, modulation; got 'clip'"):
        curve_means(catalog, ("clip",))
