"""Plans list every arm, seed and digest; they are stable, paired, and refused where they compare nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from core.errors import ConfigError, StudyError
from core.settings.loading import from_settings
from core.storage.records import DataFile, DataIssue, StudyPlan
from core.storage.serialisation import definition_from_json, definition_to_json, segment_from_json, segment_to_json
from core.storage.store import Store
from core.training.resolve import resolve
from search_spaces.strategy import Arm, Round
from search_spaces.study_file import StudyFile
from search_spaces.study_parsing import load_study, parse_study
from study.planning.plan import Planner, first_seeds, make_plan, more_seeds
from tests.support.sounds import write_named_notes
from tests.support.tiny_study import ARMS, SEARCH, TINY, tiny_plan, tiny_study


def test_a_plan_has_every_arm_with_every_seed_once(plan: StudyPlan) -> None:
    assert [(trial.arm, trial.seed) for trial in plan.trials] == [
        (arm, seed) for seed in (0, 1) for arm in ("lpf-8", "frame", "constant")
    ]
    assert len({trial.digest for trial in plan.trials}) == 6
    assert [segment.stage for segment in plan.segments] == ["design"]


def test_a_plan_survives_json() -> None:
    """Definition and segments of every stage, with issues of the data."""
    study, plan = tiny_study(search=SEARCH), tiny_plan(search=SEARCH)
    issue = DataIssue(source="a.wav", problem="too short", skipped=True)
    file = DataFile(
        file="pad C2.wav", f0_hz=65.4, pitch_source="file name", grouped_by=("name",), clip_starts_s=(0.0, 1.0)
    )
    notes = ("most pitches were tracked",)
    first = replace(plan.segments[0], data_issues=(issue,), data_files=(file,), data_notes=notes)
    plan = replace(plan, segments=(first,))
    seeds = more_seeds(plan, (0, 1, 2))
    assert seeds is not None
    plan = plan.with_segment(seeds)
    arm = Arm("search 000", {"optimizer.lr": 0.002})
    proposal = Round(stage="search", arms=(arm,), trials=((arm.name, 1000),))
    plan = plan.with_segment(Planner(study).segment(proposal, plan))
    assert [segment.stage for segment in plan.segments] == ["design", "seeds", "search"]
    assert definition_from_json(definition_to_json(plan.definition)) == plan.definition
    assert tuple(segment_from_json(segment_to_json(segment)) for segment in plan.segments) == plan.segments


def test_a_plan_survives_its_store(plan: StudyPlan, store: Store) -> None:
    assert store.plan() == plan


def test_a_stored_definition_makes_the_same_plan_again() -> None:
    planned = make_plan(tiny_study(search=SEARCH), name="renamed", overrides=[("trainer.max_steps", 7)], n_seeds=3).plan
    stored = parse_study(definition_from_json(definition_to_json(planned.definition)).study_file)
    again = make_plan(stored).plan
    assert again.definition == planned.definition
    assert again.trials == planned.trials


def test_a_planned_config_is_resolved_and_its_digest_is_that_of_what_will_run(plan: StudyPlan) -> None:
    for trial in plan.trials:
        config = from_settings(plan.config_of(trial))
        assert config.seed == trial.seed
        assert config.digest == trial.digest
        assert resolve(config).config == config


def test_planning_twice_gives_the_same_digests(study: StudyFile, plan: StudyPlan) -> None:
    again = make_plan(study).plan
    assert [trial.digest for trial in again.trials] == [trial.digest for trial in plan.trials]


def test_arms_of_one_seed_differ_in_their_factors_only(plan: StudyPlan) -> None:
    for seed in (0, 1):
        configs = [from_settings(plan.config_of(trial)) for trial in plan.trials if trial.seed == seed]
        assert len({config.data for config in configs}) == 1
        assert len({replace(config, parameterization=configs[0].parameterization) for config in configs}) == 1


def test_arms_state_what_makes_them_differ(plan: StudyPlan) -> None:
    assert [arm.settings for arm in plan.arms] == [
        {"parameterization.kind": "low_pass", "parameterization.cutoff_hz": 8.0},
        {"parameterization.kind": "frame"},
        {"parameterization.kind": "constant"},
    ]
    assert plan.factors() == {arm.name: arm.settings for arm in plan.arms}
    assert [arm.is_baseline for arm in plan.arms] == [False, False, True]


def test_a_plan_names_the_curves_of_each_arm_and_the_code_that_planned_it(plan: StudyPlan) -> None:
    assert {arm.modulations for arm in plan.arms} == {("add", "sub", "env")}
    assert plan.code_versions == (plan.segments[0].code_version,)
    assert plan.code_versions[0]


def test_the_grid_plans_its_ten_arms() -> None:
    plan = make_plan(load_study("grid")).plan
    factors = plan.factors()
    assert len(plan.arms) == len(plan.trials) == 10
    assert {(factors[arm.name]["synth.kind"], factors[arm.name]["parameterization.kind"]) for arm in plan.arms} == {
        (synth, kind) for synth in ("mod_synth", "engel") for kind in ("frame", "low_pass", "spline")
    }


def test_an_override_reaches_all_arms(study: StudyFile) -> None:
    plan = make_plan(study, overrides=[("trainer.max_steps", 7)]).plan
    assert {arm.config["trainer"]["max_steps"] for arm in plan.arms} == {7}


def test_an_arm_wins_over_an_override_and_a_remark_says_so() -> None:
    study = tiny_study(arms=[*ARMS, {"name": "other", "config": {"parameterization": {"kind": "low_pass"}}}])
    planned = make_plan(study, overrides=[("parameterization.cutoff_hz", 5.0)])
    cutoffs = {arm: factors.get("parameterization.cutoff_hz") for arm, factors in planned.plan.factors().items()}
    assert cutoffs == {"lpf-8": 8.0, "frame": None, "constant": None, "other": 5.0}
    assert planned.remarks == ("parameterization.cutoff_hz = 5.0 reaches other; lpf-8 set it themselves",)


def test_a_remark_names_the_arms_that_an_override_reaches(study: StudyFile) -> None:
    remarks = make_plan(study, overrides=[("parameterization.value", 0.4)]).remarks
    assert remarks == ("parameterization.value = 0.4 reaches constant; the other arms do not have it",)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (("parameterization.cutoff_hz", 5.0), "has no effect: every arm that has .* sets it itself .lpf-8."),
        (("parameterization.n_segments", 5), "has no effect: no arm of tiny has parameterization.n_segments"),
        (("trainer.max_step", 5), r"unknown setting trainer.max_step; did you mean trainer.max_steps\?"),
        (("trainer.max_steps", -1), "trainer.max_steps: .*greater than or equal to 0; got -1"),
        (("trainer", 3), "trainer is a group of settings, not a value"),
        (("seed", 3), "a study gives every arm the same seeds"),
    ],
)
def test_an_override_without_effect_or_out_of_range_is_refused(
    study: StudyFile, override: tuple[str, Any], message: str
) -> None:
    with pytest.raises((ConfigError, StudyError), match=message):
        make_plan(study, overrides=[override])


def test_two_arms_with_equal_settings_are_refused() -> None:
    twin = {"name": "twin", "config": {"parameterization": {"kind": "low_pass", "cutoff_hz": 8.0}}}
    with pytest.raises(StudyError, match=r"arms 'lpf-8' and 'twin' are the same: all their settings are equal"):
        make_plan(tiny_study(arms=[*ARMS, twin]))


def test_a_broken_rule_between_settings_names_the_arm() -> None:
    arms = [{"name": "fast", "config": {"parameterization": {"kind": "low_pass", "cutoff_hz": 60.0}}}]
    with pytest.raises(ConfigError, match="arm 'fast': "):
        make_plan(tiny_study(arms=arms))


def test_a_search_may_contain_infeasible_points_and_a_remark_says_so() -> None:
    space = [{"path": "parameterization.cutoff_hz", "low": 4.0, "high": 60.0}]
    config = {**TINY["config"], "parameterization": {"kind": "low_pass"}}
    (remark,) = make_plan(tiny_study(search={**SEARCH, "space": space}, config=config)).remarks
    assert remark.startswith("1 of 2 corners of the search space are infeasible, such as: ")
    assert "cutoff_hz" in remark


def test_a_search_without_feasible_points_is_refused_before_anything_runs() -> None:
    space = [{"path": "parameterization.cutoff_hz", "low": 55.0, "high": 60.0}]
    config = {**TINY["config"], "parameterization": {"kind": "low_pass"}}
    with pytest.raises(ConfigError, match=r"\[search\]: no point of its space is feasible; .*cutoff_hz"):
        make_plan(tiny_study(search={**SEARCH, "space": space}, config=config))


def test_an_objective_without_a_value_in_any_arm_is_refused() -> None:
    for metric in ("curves.l1.lls3.foo", "interpretability.tv.cutoff"):
        with pytest.raises(
            StudyError, match=f"no arm of this study has the metric {metric}, an objective; did you mean"
        ):
            make_plan(tiny_study(objectives=[{"metric": metric, "direction": "minimize"}]))
    plan = make_plan(tiny_study(objectives=[{"metric": "curves.l1.lls3.env", "direction": "minimize"}])).plan
    assert plan.objectives[0].metric == "curves.l1.lls3.env"


def test_an_objective_of_the_test_split_is_refused_where_validation_chooses() -> None:
    objectives = [{"metric": "effect.mss.add", "direction": "maximize"}]
    assert make_plan(tiny_study(objectives=objectives)).plan.objectives[0].metric == "effect.mss.add"
    choosers: tuple[dict[str, Any], ...] = ({"search": SEARCH}, {"race": {}})
    for chooser in choosers:
        message = (
            f"a {next(iter(chooser))} reads the objectives on the validation split, and effect.mss.add is measured"
        )
        with pytest.raises(StudyError, match=message):
            make_plan(tiny_study(objectives=objectives, **chooser))


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ({"metric": "audio.mms", "direction": "minimize"}, "unknown metric 'audio.mms'"),
        ({"metric": "audio.mss", "direction": "maximize"}, "objective audio.mss is to minimize; got .*'maximize'"),
    ],
)
def test_an_objective_that_no_metric_has_is_refused(objective: dict[str, str], message: str) -> None:
    with pytest.raises((ConfigError, StudyError), match=message):
        make_plan(tiny_study(objectives=[objective]))


@pytest.mark.parametrize("name", ["own_sounds", "vital"])
def test_a_study_of_given_sounds_needs_their_folder(name: str) -> None:
    with pytest.raises(
        ConfigError, match=r"data\.folder must name the folder .*; it is empty; set it: --set data\.folder=DIR"
    ):
        make_plan(load_study(name))


def test_a_path_becomes_absolute_and_is_no_part_of_the_digest(
    study: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = np.sin(2 * np.pi * np.arange(4096) / 2048).astype(np.float32)
    for name in ("table.wav", "copy.wav"):
        soundfile.write(tmp_path / name, table, 44100, subtype="FLOAT")
    monkeypatch.chdir(tmp_path)
    relative = make_plan(study, overrides=[("data.wavetable", "table.wav")]).plan
    absolute = make_plan(study, overrides=[("data.wavetable", str(tmp_path / "table.wav"))]).plan
    elsewhere = make_plan(study, overrides=[("data.wavetable", "copy.wav")]).plan
    assert relative.trials == absolute.trials
    assert [trial.digest for trial in elsewhere.trials] == [trial.digest for trial in relative.trials]


def test_a_plan_has_each_sound_file_once(tmp_path: Path) -> None:
    write_named_notes(tmp_path, range(48, 60))
    folder = {"kind": "audio_folder", "folder": str(tmp_path)}
    oscillator = {"kind": "learnable"}
    study = tiny_study(config={**TINY["config"], "data": folder, "synth": {"oscillator": oscillator}})
    plan = make_plan(study).plan
    assert [file.file for file in plan.data_files] == [f"p{note}_{note}-100.wav" for note in range(48, 60)]
    assert {file.split for file in plan.data_files} == {"train", "validation", "test"}
    arm = Arm("another", {"optimizer.lr": 0.002})
    added = Planner(study).segment(Round(stage="design", arms=(arm,), trials=((arm.name, 0),)), plan)
    assert added.data_files == ()
    grown = plan.with_segment(added)
    assert grown.data_files == plan.data_files


def test_a_plan_says_what_its_design_leaves_out() -> None:
    paths = ("encoder.width", "encoder.head_hidden", "trainer.batch_size")
    space = [{"path": path, "values": [2, 4]} for path in paths]
    design = {"kind": "fractional_factorial", "resolution": "III"}
    planned = make_plan(tiny_study(arms=[], space=space, design=design))
    assert len(planned.plan.arms) == 4
    assert planned.remarks == (
        "4 of the 8 combinations of 3 factors run (resolution III); effects that cannot be told apart: "
        "width = head_hidden x batch_size; head_hidden = width x batch_size; batch_size = width x head_hidden",
    )


# -------------------------------------------------------------------------------------------------------------- seeds


@pytest.mark.parametrize(
    ("seeds", "n_seeds", "expected"),
    [
        ((0, 1), 1, (0,)),
        ((0, 1), 2, (0, 1)),
        ((0, 1), 4, (0, 1, 2, 3)),
        ((7,), 3, (7, 8, 9)),
        ((5, 2), 4, (5, 2, 6, 7)),
        ((0, 10), 3, (0, 10, 11)),
    ],
)
def test_further_seeds_follow_the_largest_one(seeds: tuple[int, ...], n_seeds: int, expected: tuple[int, ...]) -> None:
    assert first_seeds(seeds, n_seeds) == expected


def test_no_seed_at_all_is_refused() -> None:
    with pytest.raises(StudyError, match="--seeds is the number of seeds, at least 1; got 0"):
        first_seeds((0, 1), 0)


def test_the_number_of_seeds_can_be_given(study: StudyFile) -> None:
    assert make_plan(study, n_seeds=1).plan.seeds == (0,)
    assert make_plan(study, n_seeds=4).plan.seeds == (0, 1, 2, 3)


def test_more_seeds_give_the_trials_that_a_fresh_plan_with_them_has(plan: StudyPlan) -> None:
    segment = more_seeds(plan, (0, 1, 2, 5))
    assert segment is not None
    assert (segment.stage, segment.arms) == ("seeds", ())
    fresh = tiny_plan(seeds=[0, 1, 2, 5])
    assert set(_identities(plan.with_segment(segment))) == set(_identities(fresh))
    assert len(segment.trials) == 6
    for trial in segment.trials:
        assert replace(trial, stage="design") in fresh.trials


def test_more_seeds_that_every_arm_has_are_nothing(plan: StudyPlan) -> None:
    assert more_seeds(plan, (0, 1)) is None
    assert more_seeds(plan, (1,)) is None


def test_more_seeds_need_neither_the_study_file_nor_the_data(plan: StudyPlan) -> None:
    bare = replace(plan, definition=replace(plan.definition, study_file={}))
    expected, found = more_seeds(plan, (0, 1, 2)), more_seeds(bare, (0, 1, 2))
    assert expected is not None
    assert found is not None
    assert found.trials == expected.trials


def test_only_arms_that_lack_a_seed_get_it(plan: StudyPlan) -> None:
    (segment,) = plan.segments
    without = replace(segment, trials=tuple(t for t in segment.trials if (t.arm, t.seed) != ("frame", 1)))
    added = more_seeds(replace(plan, segments=(without,)), (0, 1))
    assert added is not None
    assert [(trial.arm, trial.seed) for trial in added.trials] == [("frame", 1)]
    assert added.trials[0].digest in {trial.digest for trial in plan.trials}


def _identities(plan: StudyPlan) -> list[tuple[str, int, str]]:
    return [(trial.arm, trial.seed, trial.digest) for trial in plan.trials]


def test_a_race_plans_the_seeds_before_its_first_comparison_and_stores_all() -> None:
    plan = tiny_plan(race={"min_seeds": 3, "max_seeds": 5})
    assert plan.seeds == (0, 1, 2)
    assert plan.study_file["seeds"] == [0, 1, 2, 3, 4]
    assert {trial.stage for trial in plan.trials} == {"design"}


def test_the_number_of_seeds_of_a_race_cannot_be_given() -> None:
    with pytest.raises(
        StudyError, match="decides by its results how many seeds an arm gets, here 3 to 8, .* --seeds 4"
    ):
        make_plan(tiny_study(race={}), n_seeds=4)


def test_further_seeds_leave_out_those_of_the_search() -> None:
    study = tiny_study(seeds=[999], search={**SEARCH, "seeds": [1000, 1001]})
    assert make_plan(study, n_seeds=2).plan.seeds == (999, 1002)
