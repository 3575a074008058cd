"""Planning of studies: from a study file to its definition and to plan segments with resolved configs and digests."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.errors import ConfigError, StudyError
from core.metrics.catalog import full_names, metric_of
from core.settings.digest import trial_digest
from core.settings.dotted import flatten
from core.settings.loading import to_settings
from core.settings.suggestions import did_you_mean
from core.settings.trial import TrialConfig
from core.settings.value_rules import listed, shown_text, shown_value
from core.storage.code_version import code_version
from core.storage.records import (
    DataFile,
    DataIssue,
    Objective,
    PlannedArm,
    PlannedTrial,
    PlanSegment,
    Stage,
    StudyDefinition,
    StudyPlan,
)
from core.training.resolve import Resolver
from search_spaces.feasibility import CellCheck
from search_spaces.limits import MAX_TRIALS
from search_spaces.names import check_study_name
from search_spaces.paths import check_known
from search_spaces.seeds import continued_seeds
from search_spaces.strategy import Arm, Round
from search_spaces.study_file import StudyFile
from study.planning.folder_clips import FolderClips, clips_by_folder


@dataclass(frozen=True, slots=True)
class NewPlan:
    """A new plan with remarks for the user."""

    plan: StudyPlan
    study: StudyFile
    """The study file with the overrides."""
    clips: FolderClips | None = None
    """Clips that the sounds in a folder chose, whose settings are in the study file; None if they did not."""
    remarks: tuple[str, ...] = ()
    """Sentences on overrides that do not reach every arm, on what a design leaves out, and on infeasible points."""


def make_plan(
    study: StudyFile, *, name: str | None = None, overrides: Sequence[tuple[str, Any]] = (), n_seeds: int | None = None
) -> NewPlan:
    """Make a new plan: the definition of a study, and a segment with the arms of its designs.

    Settings of an arm have precedence over `overrides`, and these over the shared settings of the study file.

    Args:
        study: The study file.
        name: Name of the study; by default that of the study file.
        overrides: Pairs of dotted path and value for all arms that have the setting.
        n_seeds: Number of seeds; by default that of the study file. A race decides on it itself.

    Raises:
        ConfigError: a setting is unknown or out of range, or settings contradict each other.
        DataError: the data source cannot be read, or has too few clips.
        StudyError: two arms are the same, an override has no effect, or an objective is not a metric of any arm.
    """
    name = name or study.name
    check_study_name(name)
    objectives = tuple(_objective(entry.metric, entry.direction) for entry in study.objectives)
    shared = _flat_overrides(overrides)
    _check_seed_is_unset(study, shared)
    seeds = study.all_seeds
    if n_seeds is not None:
        check_takes_seeds(study.to_settings(), n_seeds)
        seeds = first_seeds(study.seeds, n_seeds, skipped=study.search.seeds if study.search else ())
    # Overrides take precedence over shared settings only, so they are added to these.
    study = dataclasses.replace(study, name=name, config={**study.shared(), **shared}, seeds=seeds)
    clips = clips_by_folder(study)
    if clips:
        study = dataclasses.replace(study, config={**study.shared(), **clips.settings})
    definition = StudyDefinition(
        name=name, question=study.question, objectives=objectives, study_file=study.to_settings()
    )
    arms = study.named_arms()
    remarks = [*_remarks(study, shared), *(remark for design in study.designs() for remark in design.remarks())]
    configs = study.configs()
    planner = Planner(study)
    searched: list[TrialConfig] = []
    for search in study.searches():
        checks = search.cell_checks
        searched += [config for each in checks for config in each.configs]
        planner.check_usable([each.configs[0] for each in checks])
        remarks += _infeasible_remarks(checks)
    _check_metrics(study, objectives, [*configs.values(), *searched])
    plan = StudyPlan(definition=definition)
    if arms:
        trials = tuple((arm.name, seed) for seed in study.design_seeds for arm in arms)
        proposal = Round(stage="design", arms=arms, trials=trials)
        plan = plan.with_segment(planner.segment(proposal, plan, configs))
    return NewPlan(plan, study, clips, tuple(remarks))


class Planner:
    """Makes plan segments from arms of one study, and scans each data source only once."""

    def __init__(self, study: StudyFile) -> None:
        self.study = study
        # Whether there are GPUs is checked with the other resources, on the machines where the trials run.
        self._resolver = Resolver(runs_elsewhere=True)

    def check_usable(self, configs: Sequence[TrialConfig]) -> None:
        """Check that configs can be resolved, which scans their data sources.

        Raises:
            ConfigError, DataError: a config cannot be resolved.
        """
        for config in configs:
            self._resolver.resolve(config)

    def segment(
        self, proposal: Round, plan: StudyPlan, configs: Mapping[str, TrialConfig] | None = None
    ) -> PlanSegment:
        """The segment that adds the arms and trials of a proposal to a plan.

        Args:
            proposal: Arms and trials.
            plan: The plan so far.
            configs: Configs of the arms by name, if they have already been composed.

        Raises:
            ConfigError, DataError: an arm cannot be resolved.
            StudyError: an arm is the same as another one of the segment or the plan.
        """
        issues: dict[int, tuple[DataIssue, ...]] = {}
        summary: dict[str, Any] = {}
        files: dict[int, tuple[DataFile, ...]] = {}
        notes: dict[str, None] = {}
        planned = []
        for arm in proposal.arms:
            config = configs[arm.name] if configs is not None else self.study.config_of(arm)
            try:
                resolved = self._resolver.resolve(config)
            except ConfigError as error:
                raise ConfigError(f"arm {arm.name!r}: {error}") from error
            issues[id(resolved.issues)] = resolved.issues
            summary = summary or dict(resolved.summary)
            files[id(resolved.files)] = resolved.files
            notes |= dict.fromkeys(resolved.notes)
            planned.append(_planned_arm(arm, resolved.config))
        grown = plan.with_segment(PlanSegment(stage=proposal.stage, arms=tuple(planned)))
        check_distinct(grown.arms)
        trials = planned_trials(grown, proposal.trials, proposal.stage)
        known = set(plan.data_files)
        return PlanSegment(
            stage=proposal.stage,
            arms=tuple(planned),
            trials=trials,
            asks=proposal.asks,
            data_issues=tuple(dict.fromkeys(issue for found in issues.values() for issue in found)),
            data_summary=summary,
            data_files=tuple(dict.fromkeys(file for found in files.values() for file in found if file not in known)),
            data_notes=tuple(notes),
            code_version=code_version(),
            created_at=_now(),
        )


def planned_trials(plan: StudyPlan, pairs: Sequence[tuple[str, int]], stage: Stage) -> tuple[PlannedTrial, ...]:
    """Trials of arms of a plan, in the order of their pairs of arm and seed."""
    return tuple(
        PlannedTrial(digest=trial_digest(plan.arm(arm).sha256, seed), arm=arm, seed=seed, stage=stage)
        for arm, seed in pairs
    )


def more_seeds(plan: StudyPlan, seeds: Sequence[int]) -> PlanSegment | None:
    """A segment with the missing trials of all arms for the given seeds; None if no trial is missing.

    Arms that only a search has tried are left out. Neither the study file nor the data source is read.
    """
    planned = {(trial.arm, trial.seed) for trial in plan.trials}
    evaluated = {trial.arm for trial in plan.trials if trial.stage != "search"}
    pairs = [
        (arm.name, seed)
        for seed in seeds
        for arm in plan.arms
        if arm.name in evaluated and (arm.name, seed) not in planned
    ]
    if not pairs:
        return None
    trials = planned_trials(plan, pairs, "seeds")
    return PlanSegment(stage="seeds", trials=trials, code_version=code_version(), created_at=_now())


def first_seeds(seeds: Sequence[int], n_seeds: int, *, skipped: Collection[int] = ()) -> tuple[int, ...]:
    """The first `n_seeds` seeds of a study, continued by `search_spaces.seeds.continued_seeds` if it has fewer.

    Raises:
        StudyError: `n_seeds` is below 1, or more than a study has trials.
    """
    if n_seeds < 1:
        raise StudyError(f"--seeds is the number of seeds, at least 1; got {shown_value(n_seeds)}")
    if n_seeds > MAX_TRIALS:
        raise StudyError(f"--seeds is the number of seeds, at most {MAX_TRIALS:,}; got {shown_value(n_seeds)}")
    return continued_seeds(seeds, n_seeds, skipped)


def check_takes_seeds(study_file: Mapping[str, Any], n_seeds: int) -> None:
    """Check that the user may choose the number of seeds of a study.

    Raises:
        StudyError: the study is a race, which chooses it by results.
    """
    if race := study_file.get("race"):
        raise StudyError(
            f"a race decides by its results how many seeds an arm gets, here {race['min_seeds']} to "
            f"{race['max_seeds']}, and its error rate holds only if nobody else does; leave out --seeds {n_seeds}, "
            "or start another study with a larger race.max_seeds"
        )


# ---------------------------------------------------------------------------------------------------------------------


def _objective(metric: str, direction: str) -> Objective:
    """The objective, after a check that its direction does not contradict that of the metric."""
    metric_direction = metric_of(metric).direction
    if direction not in ("minimize", "maximize") or metric_direction not in (direction, "neutral"):
        raise StudyError(f"objective {metric} is to {metric_direction}; got direction {direction!r}; correct the study")
    return Objective(metric=metric, direction="minimize" if direction == "minimize" else "maximize")


def _check_metrics(study: StudyFile, objectives: Sequence[Objective], configs: Sequence[TrialConfig]) -> None:
    """Check that objectives and metrics of contrasts are metrics of at least one config, given its modulations.

    Raises:
        ConfigError: the metric of a contrast does not exist.
        StudyError: no config has a metric, or neither direction of the metric of a contrast is better.
    """
    uses = {objective.metric: "an objective" for objective in objectives}
    for comparison in study.comparisons():
        if comparison.metric not in uses and metric_of(comparison.metric).direction == "neutral":
            raise StudyError(
                f"contrasts: {comparison.arm!r} cannot be better in {comparison.metric}, of which neither "
                "direction is better; choose another metric, or make it an objective with a direction"
            )
        for metric in filter(None, (comparison.metric, comparison.reference_metric)):
            uses.setdefault(metric, "compared in a contrast")
    modulations = [
        modulation.name
        for config in configs
        for modulation in (*config.synth.modulations, *config.data.true_modulations)
    ]
    names = set(full_names(tuple(dict.fromkeys(modulations))))
    for metric, use in uses.items():
        if metric not in names:
            hint = did_you_mean(metric, names, otherwise="`modstudy catalog` lists the metrics")
            raise StudyError(f"no arm of this study has the metric {metric}, {use}; {hint}")
    if chooser := "search" if study.search else "race" if study.race else "":
        for objective in objectives:
            if metric_of(objective.metric).is_of_test_split_only:
                raise StudyError(
                    f"a {chooser} reads the objectives on the validation split, and {objective.metric} is measured on "
                    f"the test split only; choose another objective, or leave out the {chooser}"
                )


def _flat_overrides(overrides: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Overrides by dotted path, with nested values flattened."""
    flat: dict[str, Any] = {}
    for path, value in overrides:
        check_known(path)
        flat |= flatten(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return flat


def _check_seed_is_unset(study: StudyFile, overrides: Mapping[str, Any]) -> None:
    """Raise StudyError if settings set the seed, which is reserved for the seeds of the study."""
    if "seed" in overrides or "seed" in study.shared():
        raise StudyError(
            "a study gives every arm the same seeds; list them as `seeds = [0, 1]` in its file, or give their number "
            "by --seeds; not `seed`"
        )


def _remarks(study: StudyFile, overrides: Mapping[str, Any]) -> Iterator[str]:
    """Remarks on overrides, which are already among the shared settings of the study, that do not apply to every arm.

    Raises:
        StudyError: an override or another shared setting applies to no arm.
    """
    shared = study.shared()
    if study.search is not None or not shared:
        return
    arms = study.named_arms()
    paths_of_arm = {arm.name: study.applied_paths(arm) for arm in arms}
    reached = frozenset[str]().union(*paths_of_arm.values(), *(arm.settings for arm in arms))
    for path in shared:
        if path not in overrides and path not in reached:
            raise StudyError(f"config.{path} has no effect: no arm of {study.name} has {path}; leave it out")
    for path, value in overrides.items():
        affected = [name for name, paths in paths_of_arm.items() if path in paths]
        overriding = [arm.name for arm in arms if path in arm.settings]
        if not affected and overriding:
            raise StudyError(
                f"--set {path}={shown_text(value)} has no effect: every arm that has {path} sets it itself "
                f"({listed(overriding)}); change the arms in a study file of your own"
            )
        if not affected:
            raise StudyError(
                f"--set {path}={shown_text(value)} has no effect: no arm of {study.name} has {path}; leave it out"
            )
        if overriding:
            yield f"{path} = {shown_text(value)} reaches {listed(affected)}; {listed(overriding)} set it themselves"
        elif len(affected) < len(arms):
            yield f"{path} = {shown_text(value)} reaches {listed(affected)}; the other arms do not have it"


def _infeasible_remarks(checks: Sequence[CellCheck]) -> Iterator[str]:
    """A remark if corners of a search's cells break a rule."""
    n_infeasible = sum(each.n_infeasible for each in checks)
    if n_infeasible:
        problem = next(each.problem for each in checks if each.problem)
        yield (
            f"{n_infeasible} of {sum(each.n_corners for each in checks)} corners of the search space are infeasible, "
            f"such as: {problem}; such proposals are counted, and not run"
        )


def _planned_arm(arm: Arm, config: TrialConfig) -> PlannedArm:
    """The planned arm, with the properties of its resolved config."""
    return PlannedArm(
        name=arm.name,
        settings=dict(arm.settings),
        config={path: value for path, value in to_settings(config).items() if path != "seed"},
        sha256=config.arm_sha256,
        is_baseline=config.is_baseline,
        is_white_box=config.is_white_box,
        modulations=tuple(modulation.name for modulation in config.synth.modulations),
    )


def check_distinct(arms: Sequence[PlannedArm]) -> None:
    """Check that no two arms are the same.

    Raises:
        StudyError: two arms have the same config.
    """
    name_of_hash: dict[str, str] = {}
    for arm in arms:
        if arm.sha256 in name_of_hash:
            raise StudyError(
                f"arms {name_of_hash[arm.sha256]!r} and {arm.name!r} are the same: all their settings are equal; "
                "make them differ, or leave one out"
            )
        name_of_hash[arm.sha256] = arm.name


def _now() -> str:
    """The current time (UTC) in ISO 8601 format."""
    return datetime.now(UTC).isoformat(timespec="seconds")
