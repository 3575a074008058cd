"""The section "Glossary": the terms of the page for readers who know none of them, also at the pointer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import ConfigError
from core.metrics.catalog import metric_of
from dashboards.analysis.study_results import StudyResults
from dashboards.formatting import better, join_names, number, plural
from dashboards.report.section import ReportData, Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A term with its explanation."""

    id: str
    """Suffix of its HTML id."""
    name: str
    spellings: tuple[str, ...]
    """Texts in headings that are explained, without regard to case."""
    text: str


def terms(results: StudyResults) -> tuple[Term, ...]:
    """The terms of a study's page, in the order of a first reading."""
    return (*_study_terms(results), *_sound_terms(results), *_metric_terms(results), *_statistics_terms(results))


# ---------------------------------------------------------------------------------------------------------------------


def _term(name: str, text: str, *spellings: str) -> Term:
    """A term that is spelled as its name, if no other spelling is given."""
    return Term(
        id=re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"), name=name, spellings=spellings or (name,), text=text
    )


def _study_terms(results: StudyResults) -> tuple[Term, ...]:
    """How a study is built."""
    seeds = sorted({len(arm.trials) for arm in results.arms})
    n_seeds = (
        plural(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds" if seeds else "no seed"
    )
    return (
        _term("arm", f"One setting of what the study varies; this study has {len(results.arms)}.", "arm", "arms"),
        _term(
            "seed",
            "A number that fixes everything random in a training: initial weights and the order of the sounds. Arms "
            f"are trained with several, {n_seeds} each here, because one could be lucky.",
            "seed", "seeds",
        ),
        _term("trial", "The training of one arm with one seed, and its evaluation.", "trial", "trials"),
        _term(
            "split",
            "Sounds are split into three parts: weights are trained on the first, the best step is chosen on the "
            f"validation split, and the numbers of the page are of the {results.split} split.",
            "split", "validation",
        ),
        _term(
            "baseline",
            "An arm whose curves do not depend on the sound, such as random curves: what a method must beat to have "
            "learned anything.", "baseline", "baselines",
        ),
        *_granular_terms(results),
        _term(
            "static",
            "Curves that hardly move. They score well on smoothness and say nothing, so such arms are never on the "
            "front.",
        ),
        *_effect_terms(results),
        *_crash_terms(results),
    )  # fmt: skip


def _effect_terms(results: StudyResults) -> tuple[Term, ...]:
    """What it means that a modulation has no effect, if one has none."""
    if not any(results.ineffective(arm) for arm in results.arms):
        return ()
    text = (
        "A curve that the sound does not need: holding it at its mean makes the sound no worse. Such a curve says "
        "nothing about the sound, however smooth it is. Named if it is so in most seeds."
    )
    return (_term("no effect", text),)


def _granular_terms(results: StudyResults) -> tuple[Term, ...]:
    """What a granular arm is, if there is one."""
    if not any(arm.is_granular for arm in results.arms):
        return ()
    text = (
        "An arm that predicts every control of its synth's learned modules frame by frame, without a curve in between. "
        "Its sound shows what the synth can reach at all; its few curves share the sound with controls that nobody can "
        "read, so they are not comparable, and it is never on the front."
    )
    return (_term("granular", text),)


def _crash_terms(results: StudyResults) -> tuple[Term, ...]:
    """What it means that a trial has crashed, if one has."""
    if not any(trial.state == "crashed" for arm in results.arms for trial in arm.trials):
        return ()
    text = (
        "A trial whose process was ended twice by the signal of a fatal error, such as SIGSEGV: an error in native "
        "code or of the machine. It has no result."
    )
    return (_term("crashed", text),)


def _sound_terms(results: StudyResults) -> tuple[Term, ...]:
    """Sounds, synths and curves."""
    modulations = tuple(dict.fromkeys(name for arm in results.plan.arms for name in arm.modulations))
    known = [(name, _MODULATIONS[name]) for name in modulations if name in _MODULATIONS]
    return (
        _term("clip", _clip_text(results), "clip", "clips"),
        _term(
            "modulation",
            "A control of a synthesizer that moves while a note sounds, drawn as a curve from 0 to 1"
            + (f"; those here are {join_names(modulations)}." if modulations else "."),
            "modulation", "modulations", "curve", "curves",
        ),
        *(_term(name, text) for name, text in known),
        _term(
            "white box",
            "The synthesizer that is trained is the one that made the sounds, so recovered curves can be held against "
            "the true ones as they are."
            + (" This study is white box." if results.is_white_box and results.has_truth else ""),
            "white box", "white-box",
        ),
        _term(
            "grey box",
            "The trained synthesizer is not the one that made the sounds, only similar; its curves are compared with "
            "the true ones after a linear fit (LLS).", "grey box", "grey-box",
        ),
        _term(
            "LLS",
            "Linear least squares: each true curve is fitted by a weighted sum of the recovered ones. LLS 1 uses the "
            "curve of the same name, LLS 3 all of them; what remains is what no linear map can explain.",
            "LLS", "lls1", "lls3",
        ),
    )  # fmt: skip


_MODULATIONS = {
    "add": "The waveform of the oscillator, such as its position in a wavetable: how bright it sounds (from additive "
    "synthesis).",
    "sub": "The cutoff of the filter that takes away from the sound (from subtractive synthesis).",
    "env": "The envelope: how loud the sound is.",
    "vibrato": "The pitch: how far it is above (above 0.5) or below that of the note.",
}
"""What the curves of the built-in synths control."""


def _clip_text(results: StudyResults) -> str:
    """What a clip is, how long it is, and how many there are."""
    durations = {arm.config.get("audio.duration_s") for arm in results.arms} - {None}
    rates = {arm.config.get("audio.sample_rate") for arm in results.arms} - {None}
    length = f" of {next(iter(durations)):g} s" if len(durations) == 1 else ""
    rate = f" at {next(iter(rates)):,} samples per second" if len(rates) == 1 else ""
    counts = {
        name: {arm.config[path] for arm in results.arms if (path := f"data.n_{split}") in arm.config}
        for split, name in (("train", "training"), ("validation", "validation"), ("test", "the test"))
    }
    known = [f"{next(iter(found))} for {name}" for name, found in counts.items() if len(found) == 1]
    return f"A sound{length}{rate}{f'; there are {join_names(known)}' if known else ''}."


def _metric_terms(results: StudyResults) -> tuple[Term, ...]:
    """The groups of metrics that the study has, with their own descriptions."""
    found: dict[str, Term] = {}
    for full_name in results.metrics:
        try:
            metric = metric_of(full_name)
        except ConfigError:
            continue
        description = metric.description[:1].upper() + metric.description[1:].rstrip(".")
        unit = f" in {metric.unit}" if metric.unit else ""
        words = [_PLAIN.get(metric.name, ""), f"{description}{unit}; {better(metric.direction)}."]
        if metric.direction != "neutral":
            score = number(metric.reference_point.at(results.frame_rate))
            words.append(f"{score} for {metric.reference_point.reason}.")
        abbreviations = _ABBREVIATIONS.get(metric.name, ())
        name = " ".join([*abbreviations, f"({metric.name})"]) if abbreviations else metric.name
        text = " ".join(word for word in words if word)
        found.setdefault(metric.name, _term(name, text, metric.name, *abbreviations))
    return tuple(found.values())


_ABBREVIATIONS = {
    "audio.mss": ("MSS",),
    "audio.mfcc": ("MFCC",),
    "interpretability.tv": ("TV",),
    "curves.pcc": ("PCC",),
    "curves.dtw": ("DTW",),
    "curves.esr": ("ESR",),
}
"""Metrics that are usually called by an abbreviation."""
_PLAIN = {
    "audio.mss": "How far the sound made again from the recovered curves is from the original.",
    "audio.mel_stft": "The same in bands as wide as those of the ear.",
    "audio.log_mel": "How far their loudness is apart in bands as wide as those of the ear.",
    "audio.mfcc": "How far their timbre is apart, whatever their pitch.",
    "curves.l1": "How far recovered curves are from the true ones.",
    "curves.pcc": "Whether recovered curves rise and fall with the true ones: 1 if always, 0 if unrelated.",
    "curves.frechet": "How far recovered curves are from the true ones at worst, if shapes may come early or late.",
    "curves.dtw": "How far recovered curves are from the true ones, if shapes may come early or late.",
    "interpretability.tv": "How restless a curve is: how far it goes up and down in a second.",
    "interpretability.turning_points": "How often a curve changes its direction.",
    "interpretability.range": "How far a curve moves at all.",
    "interpretability.saturation": "How long a curve stays at its limits.",
    "effect.mss": "How much worse the sound gets if the curve stands still.",
    "interpretability.dominant_rate": "How often a second a curve repeats itself, if it does.",
    "interpretability.description_length": "How many numbers somebody would have to set to draw a second of the curve.",
}
"""What metrics mean for somebody who does not know the words of their descriptions."""


def _statistics_terms(results: StudyResults) -> tuple[Term, ...]:
    """Fronts and how sure they are."""
    goals = join_names([f"{objective.metric} ({better(objective.direction)})" for objective in results.objectives])
    return (
        _term("objective", f"A metric by which arms are judged; here {goals}.", "objective", "objectives"),
        _term(
            "front",
            "The arms that no other arm beats in every objective at once (Pareto front): what is better than an arm on "
            "the front in one objective is worse in another.", "front",
        ),
        _term(
            "P(on the front)",
            "The probability that an arm belongs to the front, as far as the seeds so far can tell: near 1 it does, "
            "near 0 it does not, between them more seeds are needed.", "P(on the front)", "How sure",
        ),
        _term(
            "hypervolume",
            "How much of the box between the best possible and an uninformative result the front dominates: one number "
            "for the whole front, larger is better.",
        ),
        _term(
            "confidence interval",
            "A range computed from the seeds, in brackets behind a mean. Of many such ranges, 95 % contain the mean "
            "over infinitely many seeds. Few seeds give wide ones.",
            "confidence interval", "95 % interval", "intervals",
        ),
        _term(
            "paired by seed",
            "Two arms are compared within each seed, so that what a seed does to both does not count.",
            "paired by seed", "comparisons",
        ),
        _term(
            "p value",
            "How often differences as large as these would be seen if the arms were equal. Below 0.05, they are called "
            "different; adjusted for the number of comparisons where the plan fixed these (Holm).", "p value",
        ),
    )  # fmt: skip


def _context(report: ReportData) -> Mapping[str, Any]:
    """Variables of the section's template."""
    return {"terms": terms(report.results)}


def _data(report: ReportData) -> Mapping[str, Any]:
    """Spellings by the id of their term; the texts are in the section."""
    return {"terms": {term.id: term.spellings for term in terms(report.results)}}


GLOSSARY = Section(
    id="glossary",
    title="Glossary",
    template="glossary.html.j2",
    context=_context,
    styles=("glossary.css",),
    scripts=("glossary.js",),
    data=_data,
)
