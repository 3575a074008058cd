"""Made-up studies with a race, or with a search and its confirmation."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.storage.records import Ask, PlannedTrial, PlanSegment, Stage
from core.storage.store import Store
from dashboards.analysis.race_results import race_results
from tests.support.fake_study import ARMS, MODULATIONS, FakeArm, Sounds, commit_fake, config_of, fake_study, planned_arm

RACE = {"error_rate": 0.05, "min_seeds": 3, "max_seeds": 8, "give_up_below": 0.1}
TWIN = FakeArm(name="spline-9", mss=0.951, tv=3.01)
"""An arm that no race can tell from spline-8."""
RACING = (*ARMS, TWIN)
SEARCH_SEEDS = (1000, 1001)
CELLS = ("engel spline", "mod_synth low_pass")


def add_stage(
    store: Store,
    stage: Stage,
    pairs: Sequence[tuple[FakeArm, int]],
    *,
    new_arms: Sequence[FakeArm] = (),
    asks: tuple[Ask, ...] = (),
) -> None:
    """Plan a further stage and commit its trials, those of a search on validation only."""
    plan = store.plan()
    trials = tuple(
        PlannedTrial(digest=f"{len(plan.trials) + index:016x}", arm=arm.name, seed=seed, stage=stage)
        for index, (arm, seed) in enumerate(pairs)
    )
    arms = tuple(planned_arm(arm) for arm in new_arms)
    store.append_segment(PlanSegment(stage=stage, arms=arms, trials=trials, asks=asks))
    sounds = Sounds(n_clips=0, modulations=MODULATIONS, truth=MODULATIONS)
    for trial, (arm, seed) in zip(trials, pairs, strict=True):
        outcome = arm.outcomes.get(seed, "finished")
        if outcome is not None:
            rng = np.random.default_rng([zlib.crc32(arm.name.encode()), seed])
            attempt = store.begin(trial.digest)
            commit_fake(attempt, arm, config_of(arm, seed), outcome, sounds, rng, trial.splits)


def fake_race(root: Path, arms: Sequence[FakeArm] = RACING, *, n_rounds: int | None = None, **options: Any) -> Store:
    """A study whose race has run for a number of rounds, by default to its end.

    Args:
        root: Folder of the store.
        arms: The arms; their designs run three seeds.
        n_rounds: Rounds after the designs; None for all.
        options: Options of `fake_study`.
    """
    study_file: Mapping[str, Any] = {"race": RACE, "seeds": list(range(8))}
    store = fake_study(root, arms, seeds=3, study_file=study_file, **options)
    by_name = {arm.name: arm for arm in arms}
    rounds = 0
    while n_rounds is None or rounds < n_rounds:
        race = race_results(store.plan(), {record.digest: record for record in store.ledger()})
        assert race is not None
        if race.verdict.is_over:
            break
        add_stage(store, "race", [(by_name[name], seed) for name, seed in race.verdict.needed])
        rounds += 1
    return store


def fake_search(root: Path, *, n_confirmed: int = 3, n_seeds: int = 4, **options: Any) -> Store:
    """A study with a design of two arms, a search in two cells, and the confirmation of its first arms.

    In each cell the search proposes six arms of decreasing worth, repeats one, and proposes an infeasible point.

    Args:
        root: Folder of the store.
        n_confirmed: Number of arms of the first cell that are confirmed.
        n_seeds: Number of seeds of the design and of the confirmation.
        options: Options of `fake_study`.
    """
    store = fake_study(root, ARMS[:2], seeds=n_seeds, n_clips=0, **options)
    cells = [
        [
            FakeArm(name=f"{cell} {number:03d}", mss=0.6 + 0.2 * index + 0.04 * number, tv=12 - 4 * index - number / 2)
            for number in range(6)
        ]
        for index, cell in enumerate(CELLS)
    ]
    cells[1][5] = FakeArm(name=cells[1][5].name, mss=1.0, tv=6.0, outcomes={1001: "diverged"})
    for cell, arms in zip(CELLS, cells, strict=True):
        names: list[str | None] = [arm.name for arm in arms[:3]]
        names += [None, names[0], *(arm.name for arm in arms[3:])]
        asks = tuple(
            Ask(
                number=number,
                cell=cell,
                sampler="tpe",
                settings={"optimizer.lr": 0.001 * number},
                arm=name,
                problem=None if name else "spline needs at least 2 frames per segment",
            )
            for number, name in enumerate(names)
        )
        pairs = [(arm, seed) for seed in SEARCH_SEEDS for arm in arms]
        add_stage(store, "search", pairs, new_arms=arms, asks=asks)
    if n_confirmed:
        add_stage(store, "confirm", [(arm, seed) for seed in range(n_seeds) for arm in cells[0][:n_confirmed]])
    return store
