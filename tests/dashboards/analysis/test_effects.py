"""Effects of factors and of removed components in made-up studies."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from core.settings.dotted import flatten
from core.storage.records import PlannedArm, PlannedTrial, PlanSegment, StudyDefinition, StudyPlan, TrialRecord
from dashboards.analysis.effects import factor_levels
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults, load_results, make_results
from tests.support.fake_study import OBJECTIVES, MakeStudy, without_clips


def results_of(
    configs: Mapping[str, dict[str, Any]],
    mss: Callable[[str], float],
    *,
    n_seeds: int = 4,
    study_file: Mapping[str, Any] | None = None,
) -> StudyResults:
    """Results of arms with these configs; seeds shift the distance of all arms alike."""
    arms = tuple(
        PlannedArm(name=name, settings=flatten(config), config=config, sha256=name) for name, config in configs.items()
    )
    trials = tuple(
        PlannedTrial(digest=f"{name}-{seed}", arm=name, seed=seed) for name in configs for seed in range(n_seeds)
    )
    shifts = np.random.default_rng(0).standard_normal(n_seeds)
    records = {
        trial.digest: TrialRecord(
            digest=trial.digest,
            study="s",
            arm=trial.arm,
            seed=trial.seed,
            attempt="1",
            outcome="finished",
            config={},
            metrics={
                "test": {
                    "audio.mss": 10 + mss(trial.arm) + shifts[trial.seed],
                    "interpretability.tv": 5.0,
                    "interpretability.range": 0.8,
                }
            },
        )
        for trial in trials
    }
    definition = StudyDefinition(name="s", question="", objectives=OBJECTIVES, study_file=dict(study_file or {}))
    segment = PlanSegment(stage="design", arms=arms, trials=trials)
    return make_results(StudyPlan(definition=definition, segments=(segment,)), records)


GRID = {
    f"{synth} {name}": {"synth": {"kind": synth, **more}, "parameterization": parameterization}
    for (synth, more), (name, parameterization) in itertools.product(
        {"mod_synth": {"oscillator": {"kind": "learnable"}}, "engel": {}}.items(),
        {
            "frame": {"kind": "frame"},
            "lpf 4": {"kind": "low_pass", "cutoff_hz": 4.0},
            "lpf 8": {"kind": "low_pass", "cutoff_hz": 8.0},
            "spline 8": {"kind": "spline", "n_segments": 8},
        }.items(),
    )
}


def test_effects_of_a_factorial_with_conditions_are_those_it_was_made_with() -> None:
    def mss(arm: str) -> float:
        is_engel, is_spline = arm.startswith("engel"), arm.endswith("spline 8")
        return 2.0 * is_engel + 1.0 * is_spline + 0.4 * (is_engel and is_spline)

    found = StudyAnalysis(results_of(GRID, mss)).effects
    assert found is not None
    assert found.factors == {
        "synth": ("mod_synth", "engel"),
        "parameterization": ("frame", "low_pass 4", "low_pass 8", "spline"),
    }
    by_objective = {each.objective.metric: each.effects for each in found.factorial}
    means = {(each.factor, each.level): each.effect.mean for each in by_objective["audio.mss"].main}
    assert means == pytest.approx(
        {
            ("synth", "engel"): 2.1,
            ("parameterization", "low_pass 4"): 0.0,
            ("parameterization", "low_pass 8"): 0.0,
            ("parameterization", "spline"): 1.2,
        },
        abs=1e-9,
    )
    interactions = {each.levels: each.effect.mean for each in by_objective["audio.mss"].interactions}
    assert interactions["engel", "spline"] == pytest.approx(0.4)
    assert interactions["engel", "low_pass 8"] == pytest.approx(0.0, abs=1e-9)
    assert all(each.effect.mean == 0 for each in by_objective["interpretability.tv"].main)
    assert found.components == ()


def test_removing_a_component_is_compared_with_the_full_arm() -> None:
    configs = {
        "full": {"trainer": {"share": 0.5, "clip": 1.0}},
        "without curriculum": {"trainer": {"share": 0.0, "clip": 1.0}},
        "without clipping": {"trainer": {"share": 0.5, "clip": 0.0}},
    }
    ablation = {
        "kind": "leave_one_out",
        "components": {"curriculum": {"trainer.share": 0.0}, "clipping": {"trainer.clip": 0.0}},
    }
    mss = {"full": 0.0, "without curriculum": 0.7, "without clipping": -0.1}
    found = StudyAnalysis(results_of(configs, mss.__getitem__, study_file={"ablation": ablation})).effects
    assert found is not None
    assert (found.factors, found.factorial) == ({}, ())
    deltas = {(d.component, d.objective.metric): d.difference.estimate.mean for d in found.components}
    assert deltas == pytest.approx(
        {
            ("curriculum", "audio.mss"): 0.7,
            ("curriculum", "interpretability.tv"): 0.0,
            ("clipping", "audio.mss"): -0.1,
            ("clipping", "interpretability.tv"): 0.0,
        }
    )


def test_arms_that_form_no_design_have_no_effects(make_study: MakeStudy) -> None:
    assert StudyAnalysis(load_results(without_clips(make_study)())).effects is None
    incomplete = {name: config for name, config in GRID.items() if name != "engel frame"}
    assert StudyAnalysis(results_of(incomplete, lambda _: 0.0)).effects is None


def test_settings_that_change_together_are_one_factor() -> None:
    settings = {
        f"{a}{b}": {"trainer.lr": a, "trainer.warmup": 10 * a, "loss.kind": b}
        for a in (1.0, 2.0)
        for b in ("mss", "mel")
    }
    assert factor_levels(settings) == {
        f"{a}{b}": {"trainer": f"{a:g}", "loss.kind": b} for a in (1.0, 2.0) for b in ("mss", "mel")
    }
