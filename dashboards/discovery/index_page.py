"""The page of several discovered sounds: each with its sentence, its curves in small, and its distances.

It plays the sound files beside it, and leads to the page of each sound. Sounds that could not be used are listed with
the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.data.note_names import nearest_note
from core.discovery.discovered_sound import DiscoveredSound
from dashboards.content_policy import page_policy
from dashboards.discovery.page import discovery_environment, function_of, joined_assets, relative_address
from dashboards.discovery.page_content import ModulationWords, words_by_name
from dashboards.discovery.track_views import N_COLOURS, Nearness, nearness
from dashboards.report.curve_paths import curve_path

STYLES = ("page.css", "discovery.css", "discovery_index.css")
SCRIPTS = ("tables.js", "discovery_index.js")
"""Files in the templates folder."""
N_BINS = 40
"""Bins of a small curve, with two points each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallCurve:
    """A curve of a sound in small."""

    title: str
    """What it is, in a few words."""
    words: str
    """Its motion in a phrase."""
    colour: int
    """Number of its colour, from 0."""
    path: str
    """SVG path in a box of 100 x 100."""
    effect: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """A sound in the index; it keeps no samples, so that an index can have thousands."""

    name: str
    sentence: str
    facts: str
    """Pitch and length."""
    curves: tuple[SmallCurve, ...]
    nearness: Nearness
    page: str
    """Address of the sound's page relative to the index; those of its sounds are alike."""
    target: str
    estimate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemSound:
    """A sound that could not be used."""

    name: str
    reason: str


def index_entry(
    sound: DiscoveredSound,
    *,
    sentence: str,
    page: str,
    target: str,
    estimate: str,
    words: Sequence[ModulationWords] = (),
) -> IndexEntry:
    """The entry of a sound.

    Args:
        sound: The sound with its curves.
        sentence: All its modulations in a sentence.
        page: Path of its page relative to the index, with forward slashes.
        target: Path of the file of the sound, as a browser plays it.
        estimate: Path of the file of its estimate.
        words: Each modulation in words; one without any is described by its declaration.
    """
    named = words_by_name(words, sound)
    duration_s = sound.audio.n_samples / sound.audio.sample_rate
    return IndexEntry(
        name=sound.name,
        sentence=sentence,
        facts=f"{nearest_note(sound.f0_hz)} · {duration_s:.3g} s",
        curves=tuple(
            SmallCurve(
                title=named[curve.modulation.name].title,
                words=named[curve.modulation.name].words,
                colour=index % N_COLOURS,
                path=curve_path(curve.values, N_BINS),
                effect=curve.effect,
            )
            for index, curve in enumerate(sound.curves)
        ),
        nearness=nearness(sound),
        page=relative_address(page),
        target=relative_address(target),
        estimate=relative_address(estimate),
    )


def discovery_index(entries: Sequence[IndexEntry], problems: Sequence[ProblemSound] = ()) -> str:
    """HTML of the page of several sounds, in their order.

    Args:
        entries: The sounds, from `index_entry`.
        problems: Sounds that could not be used.
    """
    css, script = joined_assets(STYLES), function_of(SCRIPTS)
    return (
        discovery_environment()
        .get_template("discovery_index.html.j2")
        .render(
            entries=entries,
            problems=problems,
            policy=page_policy([css], [script], plays_files=True),
            css=css,
            script=script,
        )
    )
