"""Failure signatures of the trials of an arm, counted by what shows them."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from core.storage.records import SignatureKind
from dashboards.analysis.arm_results import ArmResult

WEAK: tuple[SignatureKind, ...] = ("static", "no effect")
"""Signatures of a modulation that says nothing about the sound; a trial has one of them at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureCount:
    """Trials of an arm with one failure signature of one part."""

    kind: SignatureKind
    part: str
    """A modulation, a module of the synth, or `training`."""
    n_trials: int
    n_examined: int
    """Trials that were examined for it: those that diverged or finished, of whichever version looks for signatures."""
    mean: float
    """Mean of the numbers of those trials that have it."""


def signature_counts(arm: ArmResult) -> tuple[SignatureCount, ...]:
    """Signatures of an arm, in the order of their first appearance over its seeds."""
    examined = [trial.record.signatures for trial in arm.trials if trial.record and trial.record.signatures is not None]
    values: dict[tuple[SignatureKind, str], list[float]] = {}
    for signatures in examined:
        for each in signatures:
            values.setdefault((each.kind, each.part), []).append(each.value)
    return tuple(
        SignatureCount(kind=kind, part=part, n_trials=len(found), n_examined=len(examined), mean=float(np.mean(found)))
        for (kind, part), found in values.items()
    )


def without_effect(arm: ArmResult) -> tuple[str, ...]:
    """Modulations of a trained arm that are static or have no effect in most of its seeds, whatever its others do.

    Both count, and together, because a curve without effect may move or stand still by chance.
    """
    if arm.is_baseline:
        return ()
    n_weak: Counter[str] = Counter()
    n_examined = 0
    for each in signature_counts(arm):
        n_examined = each.n_examined
        if each.kind in WEAK:
            n_weak[each.part] += each.n_trials
    return tuple(part for part, count in n_weak.items() if 2 * count > n_examined)
