"""From a study file to a plan: every arm, seed and resolved digest, fixed before anything runs."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.config import TrialConfig
from core.errors import ConfigError, StudyError
from core.loading import apply_settings, digest, flat_config, flatten, nest, to_settings
from core.metrics.catalog import metric_info
from core.presets import PRESETS
from core.results import DataNotice, Objective, PlannedArm, PlannedTrial, StudyPlan
from search_spaces.paths import check_known, layered, taken
from search_spaces.space import Arm
from search_spaces.study_file import StudyFile, check_name

MAX_DIFFERENCES = 6


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what its maker should tell the user."""

    plan: StudyPlan
    remarks: tuple[str, ...] = ()


def make_plan(study: StudyFile, *, name: str | None = None, overrides: Sequence[tuple[str, Any]] = ()) -> Planned:
    """Plan a study.

    An arm's own settings win over `overrides`, and these win over what the study file shares.

    Raises:
        ConfigError: a setting is unknown or out of range, or settings contradict each other.
        DataError: the data source cannot be read, or holds too little.
        StudyError: two trials would be the same, or an override has no effect.
    """
    from core.code_version import code_version

    name = name or study.name
    check_name("a study", name)
    objectives = tuple(_objective(entry.metric, entry.direction) for entry in study.objectives)
    laid_over = _flat_overrides(overrides)
    _check_seed_is_free(study, laid_over)
    arms = study.named_arms(laid_over)
    remarks = tuple(_remarks(study, arms, laid_over))
    shared = {**study.shared(), **laid_over}
    resolver = _Resolver()
    resolved = {arm.name: resolver.resolve(arm.name, layered(study.base, shared, arm.settings)) for arm in arms}
    trials = tuple(
        _trial(arm.name, dataclasses.replace(resolved[arm.name], seed=seed)) for seed in study.seeds for arm in arms
    )
    _check_distinct(trials)
    plan = StudyPlan(
        name=name,
        question=study.question,
        objectives=objectives,
        arms=_planned_arms(arms, resolved),
        trials=trials,
        data_notices=tuple(dict.fromkeys(resolver.notices)),
        data_summary=resolver.summary,
        code_version=code_version(),
    )
    return Planned(plan, remarks)


def differences(old: StudyPlan, new: StudyPlan) -> list[str]:
    """What two plans would do differently, in words; empty where they are the same. Code versions do not count."""
    found: list[str] = []
    if old.objectives != new.objectives:
        found.append(f"objectives {_shown(old.objectives)} against {_shown(new.objectives)}")
    before = {(trial.arm, trial.seed): trial for trial in old.trials}
    after = {(trial.arm, trial.seed): trial for trial in new.trials}
    found += _missing("arm", [arm.name for arm in old.arms], [arm.name for arm in new.arms])
    found += _missing("seed", [trial.seed for trial in old.trials], [trial.seed for trial in new.trials])
    changed: dict[str, list[str]] = {}
    for key in before.keys() & after.keys():
        if before[key].digest != after[key].digest:
            for text in _changed(before[key].config, after[key].config):
                changed.setdefault(text, []).append(key[0])
    for text, arms in sorted(changed.items()):
        named = dict.fromkeys(arm.name for arm in new.arms if arm.name in arms)
        found.append(text if len(named) == len(new.arms) else f"{text} in {', '.join(named)}")
    if not found and [trial.digest for trial in old.trials] != [trial.digest for trial in new.trials]:
        found.append("the order of the trials")
    more = len(found) - MAX_DIFFERENCES
    return found if more <= 0 else [*found[:MAX_DIFFERENCES], f"and {more} more"]


# ---------------------------------------------------------------------------------------------------------------------


class _Resolver:
    """Resolves arms, looking at each data source once: a folder of sounds takes its time."""

    def __init__(self) -> None:
        self.notices: list[DataNotice] = []
        self.summary: dict[str, Any] = {}

    def resolve(self, arm: str, config: TrialConfig) -> TrialConfig:
        from core.resolve import resolve

        if getattr(config.data, "folder", None) == "":
            raise ConfigError("data.folder says where the sounds are, and is not set; set it: --set data.folder=DIR")
        try:
            resolved = resolve(_with_absolute_paths(config))
        except ConfigError as error:
            raise ConfigError(f"arm {arm!r}: {error}") from error
        self.notices += resolved.notices
        self.summary = self.summary or dict(resolved.summary)
        return resolved.config


def _with_absolute_paths(config: TrialConfig) -> TrialConfig:
    """Locations made absolute, so that a study can be resumed from another folder; they are no part of a digest."""
    flat = flat_config(config)
    for path in ("data.folder", "data.wavetable", "synth.oscillator.wavetable"):
        place = Path(str(flat.get(path, "")))
        if (path == "data.folder" or place.suffix or len(place.parts) > 1) and place.exists() and place.parts:
            config = apply_settings(PRESETS["small"], nest([(path, str(place.absolute()))]), config)
    return config


def _objective(metric: str, direction: str) -> Objective:
    info = metric_info(metric)
    if direction not in ("minimize", "maximize") or info.direction not in (direction, "describe"):
        raise StudyError(f"objective {metric} is to {info.direction}; got direction {direction!r}; correct the study")
    return Objective(metric=metric, direction="minimize" if direction == "minimize" else "maximize")


def _flat_overrides(overrides: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for path, value in overrides:
        check_known(path)
        flat |= flatten(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return flat


def _check_seed_is_free(study: StudyFile, overrides: Mapping[str, Any]) -> None:
    if "seed" in overrides or "seed" in study.shared() or any("seed" in arm.config for arm in study.arms):
        raise StudyError(
            "a study gives every arm the same seeds; list them as `seeds = [0, 1]` in its file, not `seed`"
        )


def _remarks(study: StudyFile, arms: Sequence[Arm], overrides: Mapping[str, Any]) -> Iterator[str]:
    shared = {**study.shared(), **overrides}
    takers = {arm.name: taken(study.base, shared, arm.settings) for arm in arms}
    for path, value in overrides.items():
        reached = [name for name, paths in takers.items() if path in paths]
        keeping = [arm.name for arm in arms if path in arm.settings]
        if not reached and keeping:
            raise StudyError(
                f"--set {path}={value} has no effect: every arm that has {path} sets it itself "
                f"({', '.join(keeping)}); change the arms in a study file of your own"
            )
        if not reached:
            raise StudyError(f"--set {path}={value} has no effect: no arm of {study.name} has {path}; leave it out")
        if keeping:
            yield f"{path} = {value} reaches {', '.join(reached)}; {', '.join(keeping)} set it themselves"
        elif len(reached) < len(arms):
            yield f"{path} = {value} reaches {', '.join(reached)}; the other arms do not have it"


def _trial(arm: str, config: TrialConfig) -> PlannedTrial:
    return PlannedTrial(digest=digest(config), arm=arm, seed=config.seed, config=to_settings(config))


def _check_distinct(trials: Sequence[PlannedTrial]) -> None:
    first: dict[str, str] = {}
    for trial in trials:
        if trial.digest in first:
            raise StudyError(
                f"arms {first[trial.digest]!r} and {trial.arm!r} are the same trial (digest {trial.digest}); "
                "make them differ, or leave one out"
            )
        first[trial.digest] = trial.arm


def _planned_arms(arms: Sequence[Arm], resolved: Mapping[str, TrialConfig]) -> tuple[PlannedArm, ...]:
    """Factors are what some arm sets and not all arms have alike; each arm states them where it has them."""
    flat = {arm.name: flat_config(resolved[arm.name]) for arm in arms}
    set_somewhere = dict.fromkeys(path for arm in arms for path in arm.settings)
    absent = object()
    varying = [
        path
        for path in set_somewhere
        if any(flat[arm.name].get(path, absent) != flat[arms[0].name].get(path, absent) for arm in arms)
    ]
    return tuple(
        PlannedArm(
            name=arm.name,
            factors={path: flat[arm.name][path] for path in varying if path in flat[arm.name]},
            is_baseline=resolved[arm.name].is_baseline,
        )
        for arm in arms
    )


def _missing(what: str, old: Sequence[Any], new: Sequence[Any]) -> list[str]:
    gone = [str(item) for item in dict.fromkeys(old) if item not in new]
    come = [str(item) for item in dict.fromkeys(new) if item not in old]
    return [
        f"{what}{'s' if len(items) > 1 else ''} {', '.join(items)} only in the {where} plan"
        for items, where in ((gone, "old"), (come, "new"))
        if items
    ]


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    before, after = flatten(old), flatten(new)
    return [
        f"{path} {before.get(path, 'unset')} against {after.get(path, 'unset')}"
        for path in dict.fromkeys([*before, *after])
        if before.get(path) != after.get(path)
    ]


def _shown(objectives: Sequence[Objective]) -> str:
    return ", ".join(f"{objective.direction} {objective.metric}" for objective in objectives)
