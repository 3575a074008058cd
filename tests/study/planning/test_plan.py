"""Plans list every arm, seed and digest; they are stable, paired, and refused where they compare nothing."""

from dataclasses import replace

import pytest

from core.errors import ConfigError, StudyError
from core.settings.loading import from_settings
from core.storage.records import plan_from_json, plan_to_json
from core.training.resolve import resolve
from search_spaces.study_file import load_study, parse_study
from study.planning.plan import differences, make_plan
from tests.support.tiny_study import TINY


def with_changes(**changes):
    return parse_study({**TINY, **changes})


def test_a_plan_has_every_arm_with_every_seed_once(plan):
    assert [(trial.arm, trial.seed) for trial in plan.trials] == [
        (arm, seed) for seed in (0, 1) for arm in ("lpf-8", "frame", "constant")
    ]
    assert len({trial.digest for trial in plan.trials}) == 6
    assert plan_from_json(plan_to_json(plan)) == plan


def test_a_planned_config_is_resolved_and_its_digest_is_that_of_what_will_run(plan):
    for trial in plan.trials:
        config = from_settings(trial.config)
        assert config.seed == trial.seed
        assert config.digest == trial.digest
        assert resolve(config).config == config


def test_planning_twice_gives_the_same_digests(study, plan):
    again = make_plan(study).plan
    assert [trial.digest for trial in again.trials] == [trial.digest for trial in plan.trials]
    assert differences(plan, again) == []


def test_seeds_are_paired_the_same_seed_differs_between_arms_in_their_factors_only(plan):
    for seed in (0, 1):
        configs = [from_settings(trial.config) for trial in plan.trials if trial.seed == seed]
        assert len({config.data for config in configs}) == 1
        assert len({replace(config, parameterization=configs[0].parameterization) for config in configs}) == 1


def test_arms_state_what_makes_them_differ(plan):
    assert [arm.factors for arm in plan.arms] == [
        {"parameterization.kind": "low_pass", "parameterization.cutoff_hz": 8.0},
        {"parameterization.kind": "frame"},
        {"parameterization.kind": "constant"},
    ]
    assert [arm.is_baseline for arm in plan.arms] == [False, False, True]


def test_the_grid_plans_its_ten_arms():
    plan = make_plan(load_study("grid")).plan
    assert len(plan.arms) == len(plan.trials) == 10
    assert {(arm.factors["synth.kind"], arm.factors["parameterization.kind"]) for arm in plan.arms} == {
        (synth, kind) for synth in ("mod_synth", "engel") for kind in ("frame", "low_pass", "spline")
    }


def test_an_override_reaches_all_arms(study):
    plan = make_plan(study, overrides=[("trainer.max_steps", 7)]).plan
    assert {trial.config["trainer"]["max_steps"] for trial in plan.trials} == {7}


def test_an_arm_wins_over_an_override_and_the_user_is_told(study):
    study = with_changes(arms=[*TINY["arms"], {"name": "other", "config": {"parameterization": {"kind": "low_pass"}}}])
    planned = make_plan(study, overrides=[("parameterization.cutoff_hz", 5.0)])
    cutoffs = {arm.name: arm.factors.get("parameterization.cutoff_hz") for arm in planned.plan.arms}
    assert cutoffs == {"lpf-8": 8.0, "frame": None, "constant": None, "other": 5.0}
    assert planned.remarks == ("parameterization.cutoff_hz = 5.0 reaches other; lpf-8 set it themselves",)


def test_an_override_that_only_some_arms_have_is_told(study):
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
def test_an_override_without_effect_or_out_of_range_is_refused(study, override, message):
    with pytest.raises((ConfigError, StudyError), match=message):
        make_plan(study, overrides=[override])


def test_two_arms_that_are_one_trial_are_refused():
    twins = [*TINY["arms"], {"name": "twin", "config": {"parameterization": {"kind": "low_pass", "cutoff_hz": 8.0}}}]
    with pytest.raises(StudyError, match=r"arms 'lpf-8' and 'twin' are the same trial \(digest [0-9a-f]{16}\)"):
        make_plan(with_changes(arms=twins))


def test_a_broken_rule_between_settings_names_the_arm():
    arms = [{"name": "fast", "config": {"parameterization": {"kind": "low_pass", "cutoff_hz": 60.0}}}]
    with pytest.raises(ConfigError, match="arm 'fast': "):
        make_plan(with_changes(arms=arms))


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ({"metric": "audio.mms", "direction": "minimize"}, "unknown metric 'audio.mms'"),
        ({"metric": "audio.mss", "direction": "maximize"}, "objective audio.mss is to minimize; got .*'maximize'"),
    ],
)
def test_an_objective_that_no_metric_has_is_refused(objective, message):
    with pytest.raises((ConfigError, StudyError), match=message):
        make_plan(with_changes(objectives=[objective]))


@pytest.mark.parametrize("name", ["own_sounds", "vital"])
def test_a_study_of_given_sounds_asks_for_their_folder(name):
    with pytest.raises(ConfigError, match=r"data.folder .* is not set; set it: --set data.folder=DIR"):
        make_plan(load_study(name))


def test_differences_are_said_in_words(plan):
    other = with_changes(
        seeds=[0],
        config={**TINY["config"], "trainer": {**TINY["config"]["trainer"], "max_steps": 5}},
        arms=[*TINY["arms"][:2], {"name": "spline", "config": {"parameterization": {"kind": "spline"}}}],
    )
    assert differences(plan, make_plan(other).plan) == [
        "arm constant only in the old plan",
        "arm spline only in the new plan",
        "seed 1 only in the old plan",
        "trainer.max_steps 4 against 5 in lpf-8, frame",
    ]


def test_another_objective_is_a_difference(plan):
    other = with_changes(objectives=[{"metric": "audio.mel", "direction": "minimize"}])
    assert differences(plan, make_plan(other).plan) == [
        "objectives minimize audio.mss, minimize interpretability.tv against minimize audio.mel"
    ]


def test_a_folder_is_kept_by_its_absolute_path_which_no_digest_sees(study, tmp_path, monkeypatch):
    import numpy as np
    import soundfile

    table = np.sin(2 * np.pi * np.arange(4096) / 2048).astype(np.float32)
    soundfile.write(tmp_path / "table.wav", table, 44100, subtype="FLOAT")
    monkeypatch.chdir(tmp_path)
    relative = make_plan(study, overrides=[("data.wavetable", "table.wav")]).plan
    absolute = make_plan(study, overrides=[("data.wavetable", str(tmp_path / "table.wav"))]).plan
    assert relative.trials == absolute.trials
