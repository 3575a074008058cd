"""The verdict on a study for a sound designer: do sounds move, which curves to take, what is heard, what to do next.

It says the same as `dashboards.verdict`, of which it takes the pick and how sure that is, in terms of the sounds.
"""

import shlex
from collections.abc import Iterator, Mapping
from typing import get_args

from core.metrics.audio import MSS
from core.metrics.effect import EFFECT
from core.metrics.interpretability import TOTAL_VARIATION
from core.metrics.signatures import NO_EFFECT
from core.settings.schema import kind_of
from core.settings.synth_base import VIBRATO
from core.settings.synths import SynthConfig
from core.statistics.paired import MIN_PAIRS_FOR_TEST
from core.storage.roots import without_credentials
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_results import StudyResults
from dashboards.analysis.verdict import Verdict, change_between
from dashboards.formatting import join_names, number, plural
from dashboards.verdict import FIRST_SEEDS, extend_command, headline, open_sentence

SOUND_DESIGN = "sound design"
"""The audience in a study file."""
SMALL_SHARE = 0.05
"""Share of a distance below which a difference is small."""


def sound_sentences(results: StudyResults, verdict: Verdict, on_front: Mapping[str, float], root: str) -> list[str]:
    """The first paragraphs of a report: whether modulation explains the sounds, which curves to take, what moves.

    Args:
        results: Results of the study.
        verdict: The verdict on them.
        on_front: Probability of being on the front by arm; empty if it is unknown.
        root: Root folder of the study, for commands.
    """
    if verdict.pick is None:
        return [headline(results, verdict, on_front, root)]
    pick = results.arm(verdict.pick)
    return [
        *_motion(results, pick),
        _take(verdict),
        *_movers(pick),
        *_open(results, verdict, root),
        _apply(results, pick, root),
    ]


# ---------------------------------------------------------------------------------------------------------------------


def _motion(results: StudyResults, pick: ArmResult) -> Iterator[str]:
    """A sentence that compares moving curves with the best that stand still; none without an arm of such."""
    first = results.objectives[0]
    still = [arm for arm in results.arms if arm.is_static and first.metric in arm.metrics]
    changes = [change for arm in still if (change := change_between(pick, arm, first))]
    if not changes:
        return
    change = max(changes, key=lambda each: each.loss)
    n_seeds = len(change.difference.seeds)
    can_decide = n_seeds >= MIN_PAIRS_FOR_TEST
    other = "a synth that stands still"
    if can_decide and change.is_within(0.0):
        degree = "clearly" if change.share < -SMALL_SHARE else "a little"
        text = f"Moving curves explain these sounds {degree} better than {other}"
    elif can_decide and change.is_beyond(0.0):
        text = f"Moving curves explain these sounds no better than {other}"
    else:
        side = "better" if change.loss < 0 else "no better"
        open_yet = f"which {plural(n_seeds, 'seed')} cannot decide"
        text = f"Moving curves seem to explain these sounds {side} than {other}, {open_yet}"
    what = f"the distance from them ({first.metric})" if first.metric == MSS.name else first.metric
    values = change.base + change.difference.estimate.mean, change.base
    yield f"{text}: {what} is {number(values[0])} against {number(values[1])}."


def _take(verdict: Verdict) -> str:
    """A sentence on which arm to take."""
    is_sure = verdict.state in ("decided", "race")
    return f"Take {verdict.pick}{'' if is_sure else ' for now'}: {_reasons(verdict)}."


def _open(results: StudyResults, verdict: Verdict, root: str) -> Iterator[str]:
    """A sentence on what the seeds leave open, and what would decide it; none if nothing is open."""
    if verdict.state == "one seed":
        yield f"One seed cannot decide. Run more: `{extend_command(results, FIRST_SEEDS, root)}`."
    elif verdict.state == "race":
        yield "A race chose the seeds, so this describes and does not decide."
    elif verdict.state == "open":
        yield open_sentence(results, verdict, root)


def _reasons(verdict: Verdict) -> str:
    """Why an arm is picked, as a clause."""
    percent = f"{100 * verdict.tolerance:g} %"
    if verdict.loss is None or verdict.gain is None:
        return f"no other arm sounds closer, and none within {percent} of it is shown to have calmer curves"
    loss, gain = verdict.loss, verdict.gain
    if loss.is_within(verdict.tolerance * abs(loss.base)):
        sound = f"it sounds as close as {loss.reference}, the closest (within {percent})"
    else:
        sound = f"it sounds {100 * loss.share:.2g} % farther away than {loss.reference}, the closest"
    share = f"{-100 * gain.share:.2g} %"
    if gain.objective.metric == TOTAL_VARIATION.name:
        return f"{sound}, and its curves are {share} calmer, so easier to draw again"
    return f"{sound}, and its {gain.objective.metric} is {share} better"


def _movers(pick: ArmResult) -> Iterator[str]:
    """A sentence on the curves of an arm in the order of what they do to the sound; none without their effects."""
    words = _words(pick)
    effects = {name: pick.metrics[metric].mean for name in words if (metric := f"{EFFECT.name}.{name}") in pick.metrics}
    if not effects:
        return
    heard = sorted((name for name in effects if effects[name] >= NO_EFFECT), key=lambda name: -effects[name])
    unheard = [name for name in effects if name not in heard]
    held = "held still, the distance grows by"
    if not heard:
        yield f"Nothing is heard to move: {held} less than {NO_EFFECT:g} for each curve."
        return
    first, *others = heard
    text = f"What moves most is the {words[first]} ({first}: {held} {number(effects[first])})"
    if others:
        text += ", then " + join_names([f"the {words[name]} ({name}: {number(effects[name])})" for name in others])
    if unheard:
        text += f"; of {join_names([f'the {words[name]} ({name})' for name in unheard])} little is heard"
    yield f"{text}."


def _words(arm: ArmResult) -> dict[str, str]:
    """What each curve of an arm's synth controls, by the name of the curve."""
    kind = arm.config.get("synth.kind")
    synth = next((cls for cls in get_args(SynthConfig) if kind_of(cls) == kind), None)
    known = (*synth.module_modulations, VIBRATO) if synth else ()
    return {modulation.name: modulation.description for modulation in known}


def _apply(results: StudyResults, pick: ArmResult, root: str) -> str:
    """A sentence on how to get the curves of more sounds."""
    place = "" if root == "runs" else f" --root {shlex.quote(without_credentials(root))}"
    command = f"modstudy apply {shlex.quote(f'{results.plan.name}:{pick.name}')} FOLDER{place}"
    return f"To get the curves of every sound of a folder: `{command}`."
