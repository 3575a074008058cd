"""What a study will run and cost, before it runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.settings.baselines import ConstantConfig
from core.settings.presets import PAPER
from core.settings.trial import TrialConfig
from core.statistics.power import smallest_p
from core.training.warmup import TrialCosts
from search_spaces.study_file import StudyFile
from search_spaces.study_parsing import parse_study
from study.planning.outlook import (
    GPU_OPERATIONS_PER_S,
    STARTUP_S,
    Power,
    Span,
    StudyOutlook,
    study_outlook,
    trial_operations,
)
from study.planning.resources import Resources, TrialResources
from tests.support.sounds import write_named_notes
from tests.support.tiny_study import ARMS, SEARCH, TINY, tiny_study

TWO = Resources(trials_at_once=2, default=TrialResources(cpus=1))


@pytest.fixture(autouse=True)
def costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own, and steps of 10 s with a low-pass and 1 s otherwise; clips take no time."""

    def measured(config: TrialConfig) -> TrialCosts:
        is_slow = config.parameterization.kind == "low_pass"
        return TrialCosts(step_s=10.0 if is_slow else 1.0, clip_s=0.0, n_weights=100)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("core.training.warmup.measure_costs", measured)


def outlook_of(study: StudyFile, resources: Resources = TWO) -> StudyOutlook:
    found = study_outlook(study, resources)
    assert found is not None
    return found


def test_a_design_is_known_exactly(study: StudyFile) -> None:
    outlook = outlook_of(study)
    assert [costs.stage.stage for costs in outlook.stages] == ["design"]
    assert outlook.trials == Span(low=6, high=6)
    # Four steps each: the low-pass takes 40 s, frame and constant 4 s.
    assert (outlook.shortest_s, outlook.longest_s) == (4.0, 40.0)
    assert outlook.trial_hours.low * 3600 == pytest.approx(2 * (40 + 4 + 4))
    assert outlook.wall_s.high == pytest.approx(STARTUP_S + 3 * (40 + 4 + 4) / 3)
    assert outlook.n_clips == ((8, 4, 4),)
    assert len(outlook.audio) == 1


def test_a_search_has_a_span_of_trials() -> None:
    outlook = outlook_of(tiny_study(arms=[], search=SEARCH, seeds=[0, 1, 2]))
    search, confirm = outlook.stages
    assert (search.stage.stage, search.stage.min_trials, search.stage.max_trials) == ("search", 10, 10)
    assert (confirm.stage.stage, confirm.stage.min_trials, confirm.stage.max_trials) == ("confirm", 3, 15)
    assert outlook.trials == Span(low=13, high=25)
    assert outlook.wall_s.low < outlook.wall_s.high
    # A search keeps records only.
    assert search.trial_bytes < confirm.trial_bytes / 5


def test_designs_and_a_search_are_summed() -> None:
    outlook = outlook_of(tiny_study(search=SEARCH))
    assert [costs.stage.stage for costs in outlook.stages] == ["design", "search", "confirm"]
    assert outlook.trials.low == 6 + 10 + 2
    # lpf-8, frame and five confirmed arms; the constant is a baseline.
    assert outlook.power == Power(n_arms=7, n_objectives=2, n_seeds=2)


def test_a_race_gives_further_seeds_to_trained_arms() -> None:
    outlook = outlook_of(tiny_study(race={"min_seeds": 3, "max_seeds": 8}))
    design, race = outlook.stages
    assert design.stage.max_trials == 3 * 3
    assert (race.stage.size, race.stage.min_trials) == ("2 arms x up to 5 further seeds", 0)
    # lpf-8 and frame; the constant is a baseline.
    assert race.stage.max_trials == 2 * 5
    assert outlook.trials == Span(low=9, high=19)
    assert outlook.power == Power(n_arms=2, n_objectives=2, n_seeds=8)


def test_cells_with_few_points_propose_no_more_than_these() -> None:
    few = {"path": "encoder.stride", "values": [1, 2]}
    outlook = outlook_of(tiny_study(arms=[], search={**SEARCH, "space": [few]}))
    assert outlook.stages[0].stage.max_trials == 2 * 2


def test_a_cell_with_infeasible_corners_may_end_early() -> None:
    spline = {**TINY["config"], "parameterization": {"kind": "spline"}}
    wide = {"path": "parameterization.n_segments", "low": 4, "high": 400}
    outlook = outlook_of(tiny_study(arms=[], config=spline, search={**SEARCH, "space": [wide]}))
    assert outlook.stages[0].stage.min_trials == 0
    assert outlook.stages[0].stage.max_trials == 10


def test_more_trials_at_once_take_less_time_and_the_same_work(study: StudyFile) -> None:
    one = outlook_of(study, Resources(trials_at_once=1, default=TrialResources(cpus=1)))
    six = outlook_of(study, Resources(trials_at_once=6, default=TrialResources(cpus=1)))
    assert one.trial_hours == six.trial_hours
    assert one.wall_s.high - STARTUP_S == pytest.approx(6 * (six.wall_s.high - STARTUP_S))


def test_nothing_is_measured_if_only_cached_costs_count(study: StudyFile) -> None:
    assert study_outlook(study, TWO, cached_only=True) is None
    outlook_of(study)
    assert study_outlook(study, TWO, cached_only=True) is not None


def test_clips_of_a_folder_are_counted_unless_it_need_not_exist(tmp_path: Path) -> None:
    write_named_notes(tmp_path / "sounds", range(48, 58))
    data = {"kind": "audio_folder", "folder": str(tmp_path / "sounds")}
    config = {**TINY["config"], "data": data, "synth": {"kind": "engel"}}
    study = parse_study({**TINY, "config": config})
    assert sum(outlook_of(study).n_clips[0]) == 10
    assumed = study_outlook(study, TWO, scan_data=False)
    assert assumed is not None
    assert sum(assumed.n_clips[0]) == 500


@pytest.mark.parametrize(("n_arms", "n_seeds", "n_needed"), [(2, 1, 7), (2, 7, 7), (5, 2, 9)])
def test_power_counts_each_arm_but_the_first_in_each_objective(n_arms: int, n_seeds: int, n_needed: int) -> None:
    power = Power(n_arms=n_arms, n_objectives=2, n_seeds=n_seeds)
    assert power.n_comparisons == 2 * (n_arms - 1)
    assert power.smallest_p == smallest_p(n_seeds, power.n_comparisons)
    assert power.seeds_needed == n_needed


def test_the_number_of_comparisons_is_that_of_the_report(study: StudyFile) -> None:
    assert [arm["name"] for arm in ARMS] == ["lpf-8", "frame", "constant"]
    assert outlook_of(study).power.n_comparisons == 2


def test_declared_contrasts_are_the_comparisons_of_the_report() -> None:
    contrast = {"arm": "frame", "reference": "lpf-8"}
    in_each = outlook_of(tiny_study(contrasts=[contrast])).power
    assert (in_each.n_declared, in_each.n_comparisons) == (2, 2)
    in_one = outlook_of(tiny_study(contrasts=[{**contrast, "metric": "curves.l1"}])).power
    assert (in_one.n_declared, in_one.n_comparisons) == (1, 1)


def test_the_reference_needs_some_petaflop_per_trial() -> None:
    config = PAPER.config
    # Six blocks of 5 x 7 kernels: 3 and then 64 channels to 64, over 1501 frames and 128, 64, 32, ... mel bands.
    first = 2 * 3 * 64 * 35 * 128 * 1501
    others = sum(2 * 64 * 64 * 35 * (128 >> block) * 1501 for block in range(1, 6))
    assert config.encoder.n_operations(config.audio) == first + others
    # Steps count three times; 30 validations, one before the first step and one at the end of 204 clips, and the test.
    n_forward = 3 * 600 * 32 + (2 + 30) * 204 + 204
    assert trial_operations(config, config.data.expected_clips) == pytest.approx((first + others) * n_forward)
    baseline = replace(config, parameterization=ConstantConfig())
    assert trial_operations(baseline, config.data.expected_clips) == 0


def test_gpu_hours_are_those_of_the_convolutions(study: StudyFile) -> None:
    outlook = outlook_of(study)
    hours = sum(costs.trial_operations * costs.stage.max_trials for costs in outlook.stages) / GPU_OPERATIONS_PER_S
    assert outlook.gpu_hours.high == outlook.gpu_hours.low == pytest.approx(hours / 3600)
    assert hours > 0
