"""Planning: a study file becomes a definition and plan segments with resolved configs and digests."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.errors import ConfigError, StudyError
from core.metrics.catalog import full_names, metric_of
from core.settings.dotted import flatten
from core.settings.loading import from_settings, to_settings
from core.settings.rules import check
from core.settings.suggestions import did_you_mean
from core.settings.trial import TrialConfig
from core.storage.code_version import code_version
from core.storage.records import DataIssue, Objective, PlannedArm, PlannedTrial, PlanSegment, StudyDefinition, StudyPlan
from core.training.resolve import Resolver
from search_spaces.paths import applied_paths, check_known, compose
from search_spaces.strategy import Arm
from search_spaces.study_file import StudyFile, check_name


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and remarks on it for the user."""

    plan: StudyPlan
    remarks: tuple[str, ...] = ()


def make_plan(
    study: StudyFile, *, name: str | None = None, overrides: Sequence[tuple[str, Any]] = (), n_seeds: int | None = None
) -> Planned:
    """A new plan: the definition of a study, and a segment with the arms of its designs.

    An arm's own settings win over `overrides`, and these win over what the study file shares.

    Args:
        overrides: Settings for all arms that have them, by dotted path.
        n_seeds: Number of seeds; default those of the study file.

    Raises:
        ConfigError: a setting is unknown or out of range, or settings contradict each other.
        DataError: the data source cannot be read, or holds too little.
        StudyError: two trials would be the same, or an override has no effect.
    """
    name = name or study.name
    check_name("a study", name)
    objectives = tuple(_objective(entry.metric, entry.direction) for entry in study.objectives)
    shared = _flat_overrides(overrides)
    _check_seed_is_free(study, shared)
    remarks = tuple(_remarks(study, shared))
    seeds = study.seeds if n_seeds is None else first_seeds(study.seeds, n_seeds)
    # Over the shared settings and below the arms' own, as if the study file shared them.
    study = dataclasses.replace(study, name=name, config={**study.shared(), **shared}, seeds=seeds)
    definition = StudyDefinition(
        name=name, question=study.question, objectives=objectives, study_file=study.to_settings()
    )
    arms = study.named_arms()
    configs = [compose(study.base, study.shared(), arm.settings) for arm in arms]
    configs += list(_search_corners(study))
    _check_objectives(objectives, configs)
    plan = StudyPlan(definition=definition)
    if arms:
        plan = plan.with_segment(Planner(study).segment("design", arms, seeds, plan))
    return Planned(plan, remarks)


class Planner:
    """Turns arms of one study into segments of its plan; data sources are scanned once."""

    def __init__(self, study: StudyFile) -> None:
        self.study = study
        self._resolver = Resolver()

    def segment(self, stage: str, arms: Sequence[Arm], seeds: Sequence[int], plan: StudyPlan) -> PlanSegment:
        """A segment that adds arms to a plan, each with all of the seeds.

        Raises:
            ConfigError, DataError: an arm cannot be resolved.
            StudyError: a trial would be the same as another one, here or in the plan.
        """
        issues: list[DataIssue] = []
        summary: dict[str, Any] = {}
        planned, configs = [], {}
        for arm in arms:
            self.study.check_arm(arm)
            config = compose(self.study.base, self.study.shared(), arm.settings)
            try:
                resolved = self._resolver.resolve(config)
            except ConfigError as error:
                raise ConfigError(f"arm {arm.name!r}: {error}") from error
            issues += resolved.issues
            summary = summary or dict(resolved.summary)
            configs[arm.name] = resolved.config
            planned.append(_planned_arm(arm, resolved.config))
        trials = tuple(
            _trial(arm.name, dataclasses.replace(configs[arm.name], seed=seed)) for seed in seeds for arm in arms
        )
        check_distinct((*plan.trials, *trials))
        return PlanSegment(
            stage=stage,
            arms=tuple(planned),
            trials=trials,
            data_issues=tuple(dict.fromkeys(issues)),
            data_summary=summary,
            code_version=code_version(),
            created_at=_now(),
        )


def more_seeds(plan: StudyPlan, seeds: Sequence[int]) -> PlanSegment | None:
    """A segment with the missing trials of every arm and seed; None where none is missing.

    Configs are copied from the plan, so neither the study file nor the data source is read.

    Raises:
        ConfigError: the plan was written by another version.
    """
    configs = {trial.arm: from_settings(trial.config) for trial in reversed(plan.trials)}
    known = {(trial.arm, trial.seed) for trial in plan.trials}
    trials = tuple(
        _trial(arm.name, dataclasses.replace(configs[arm.name], seed=seed))
        for seed in seeds
        for arm in plan.arms
        if (arm.name, seed) not in known
    )
    if not trials:
        return None
    return PlanSegment(stage="seeds", trials=trials, code_version=code_version(), created_at=_now())


def first_seeds(seeds: Sequence[int], n_seeds: int) -> tuple[int, ...]:
    """The first `n_seeds` of a study's seeds, continued by consecutive numbers where the study has fewer.

    Raises:
        StudyError: no seed would be left.
    """
    if n_seeds < 1:
        raise StudyError(f"--seeds is the number of seeds, at least 1; got {n_seeds}")
    more = range(max(seeds) + 1, max(seeds) + 1 + max(0, n_seeds - len(seeds)))
    return (*seeds, *more)[:n_seeds]


# ---------------------------------------------------------------------------------------------------------------------


def _objective(metric: str, direction: str) -> Objective:
    known = metric_of(metric).direction
    if direction not in ("minimize", "maximize") or known not in (direction, "neutral"):
        raise StudyError(f"objective {metric} is to {known}; got direction {direction!r}; correct the study")
    return Objective(metric=metric, direction="minimize" if direction == "minimize" else "maximize")


def _check_objectives(objectives: Sequence[Objective], configs: Sequence[TrialConfig]) -> None:
    """Check that every objective is a metric of some arm: its modulation must be one of the synth's or the data's.

    Raises:
        StudyError: an objective would have no value.
    """
    modulations = [
        modulation.name
        for config in configs
        for modulation in (*config.synth.modulations, *config.data.true_modulations)
    ]
    names = set(full_names(tuple(dict.fromkeys(modulations))))
    for objective in objectives:
        if objective.metric not in names:
            hint = did_you_mean(objective.metric, names, otherwise="`modstudy catalog` lists the metrics")
            raise StudyError(f"no arm of this study has the metric {objective.metric}, an objective; {hint}")


def _search_corners(study: StudyFile) -> Iterator[TrialConfig]:
    """Configs at every value of a choice and both ends of a range of a search, checked before anything runs.

    Raises:
        ConfigError: a corner of a search's space breaks a rule.
    """
    for search in study.searches():
        for point in search.corners():
            try:
                config = compose(study.base, study.shared(), point.settings)
                check(config)
            except ConfigError as error:
                place = ", ".join(f"{path}={value}" for path, value in point.settings.items())
                raise ConfigError(f"search.space, at {place}: {error}") from error
            yield config


def _flat_overrides(overrides: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for path, value in overrides:
        check_known(path)
        flat |= flatten(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return flat


def _check_seed_is_free(study: StudyFile, overrides: Mapping[str, Any]) -> None:
    if "seed" in overrides or "seed" in study.shared() or any("seed" in arm.config for arm in study.arms):
        raise StudyError(
            "a study gives every arm the same seeds; list them as `seeds = [0, 1]` in its file, or give their number "
            "by --seeds; not `seed`"
        )


def _remarks(study: StudyFile, overrides: Mapping[str, Any]) -> Iterator[str]:
    """Remarks on overrides that do not reach every arm.

    Raises:
        StudyError: an override reaches no arm.
    """
    shared = {**study.shared(), **overrides}
    arms = dataclasses.replace(study, config=shared).named_arms()
    if study.search is not None or not overrides:
        return
    reached_paths = {arm.name: applied_paths(study.base, shared, arm.settings) for arm in arms}
    for path, value in overrides.items():
        reached = [name for name, paths in reached_paths.items() if path in paths]
        own = [arm.name for arm in arms if path in arm.settings]
        if not reached and own:
            raise StudyError(
                f"--set {path}={value} has no effect: every arm that has {path} sets it itself "
                f"({', '.join(own)}); change the arms in a study file of your own"
            )
        if not reached:
            raise StudyError(f"--set {path}={value} has no effect: no arm of {study.name} has {path}; leave it out")
        if own:
            yield f"{path} = {value} reaches {', '.join(reached)}; {', '.join(own)} set it themselves"
        elif len(reached) < len(arms):
            yield f"{path} = {value} reaches {', '.join(reached)}; the other arms do not have it"


def _planned_arm(arm: Arm, config: TrialConfig) -> PlannedArm:
    return PlannedArm(
        name=arm.name,
        settings=dict(arm.settings),
        is_baseline=config.is_baseline,
        is_white_box=config.is_white_box,
        modulations=tuple(modulation.name for modulation in config.synth.modulations),
    )


def _trial(arm: str, config: TrialConfig) -> PlannedTrial:
    return PlannedTrial(digest=config.digest, arm=arm, seed=config.seed, config=to_settings(config))


def check_distinct(trials: Sequence[PlannedTrial]) -> None:
    first: dict[str, str] = {}
    for trial in trials:
        if trial.digest in first:
            raise StudyError(
                f"arms {first[trial.digest]!r} and {trial.arm!r} are the same trial (digest {trial.digest}); "
                "make them differ, or leave one out"
            )
        first[trial.digest] = trial.arm


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
