"""The page of a discovered sound: one HTML file that loads nothing, in the style of the report.

It has the curves over the sound's spectrogram, a player that switches between the sound and its estimate at the same
position and level, with solo and mute of each modulation, and all numbers. Without scripts, pictures, numbers and a
plain player of each sound remain.
"""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files as package_files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup

from core.data.note_names import nearest_note
from core.discovery.discovered_sound import DiscoveredSound
from core.settings.dotted import flatten
from core.visible_text import with_visible_text
from dashboards import formatting
from dashboards.content_policy import page_policy
from dashboards.discovery.log_mel_image import frequency_marks, log_mel_png, mel_power
from dashboards.discovery.page_content import FileLine, ModulationWords
from dashboards.discovery.played_sounds import (
    TARGET,
    PlayedSounds,
    matched_gains,
    played_sounds,
    rendered_sounds,
)
from dashboards.discovery.track_views import TrackView, nearness, time_marks, track_views
from dashboards.discovery.wavetable_drawing import HEIGHT, WIDTH, wavetable_drawing
from dashboards.page_templates import page_environment
from dashboards.report.sounds import PNG, data_uri

STYLES = ("page.css", "discovery.css")
SCRIPTS = ("discovery_player.js", "discovery_view.js")
"""Files in the templates folder."""


def discovery_page(
    sound: DiscoveredSound,
    *,
    sentence: str,
    words: Sequence[ModulationWords] = (),
    notes: Sequence[str] = (),
    files: Sequence[FileLine] = (),
    index: str | None = None,
) -> str:
    """HTML of the page, at most 10 MB however long the sound is.

    Args:
        sound: The sound with its curves.
        sentence: All its modulations in a sentence.
        words: Each modulation in words; one without any is described by its declaration.
        notes: Sentences about what is uncertain, such as another explanation of the same sound.
        files: Files beside the page.
        index: Relative address of the page of several sounds that this one belongs to.
    """
    played, tracks = played_sounds(sound), track_views(sound, words)
    css, script = joined_assets(STYLES), function_of(SCRIPTS)
    environment = discovery_environment()
    return environment.get_template("discovery.html.j2").render(
        sound=sound,
        sentence=sentence,
        notes=notes,
        files=[(each.name, relative_address(each.name), each.what) for each in files],
        index=None if index is None else relative_address(index),
        played=played,
        tracks=tracks,
        nearness=nearness(sound),
        spectrograms=_spectrograms(sound),
        frequency_marks=frequency_marks(sound.audio.sample_rate),
        time_marks=time_marks(sound.audio.n_samples / sound.audio.sample_rate),
        note=nearest_note(sound.f0_hz),
        wavetable=None if sound.wavetable is None else wavetable_drawing(sound.wavetable),
        wavetable_size=(WIDTH, HEIGHT),
        settings=_settings(sound),
        data=with_visible_text(_script_data(sound, played, tracks)),
        policy=page_policy([css], [script]),
        css=css,
        script=script,
    )


def discovery_environment() -> Environment:
    """Jinja environment with the filters of the pages of discovered sounds."""
    environment = page_environment("dashboards")
    environment.filters |= {"number": formatting.number, "signed": _signed, "plural": formatting.plural}
    return environment


def relative_address(path: str) -> str:
    """Address of a file relative to the page; it stays relative whatever its name is."""
    return f"./{quote(path.encode('utf-8', 'surrogateescape'), safe='/')}"


def joined_assets(names: Sequence[str]) -> Markup:
    """Scripts or style sheets of the templates folder one after the other, not escaped because they are trusted."""
    folder = package_files("dashboards") / "templates"
    return Markup("\n".join((folder / name).read_text(encoding="utf-8") for name in names))


def function_of(names: Sequence[str]) -> Markup:
    """Scripts of the templates folder in a function of their own."""
    return Markup('"use strict";\n(() => {{\n{}\n}})();\n').format(joined_assets(names))


# ---------------------------------------------------------------------------------------------------------------------


def _script_data(sound: DiscoveredSound, played: PlayedSounds, tracks: Sequence[TrackView]) -> dict[str, Any]:
    """Plain values for the scripts."""
    return {
        "duration_s": sound.audio.n_samples / sound.audio.sample_rate,
        "played_s": played.duration_s,
        "sounds": [
            {"key": each.key, "label": each.label, "rendered_gain": each.rendered_gain} for each in played.sounds
        ],
        "tracks": [{"name": track.words.name, "title": track.words.title, "values": track.values} for track in tracks],
    }


def _spectrograms(sound: DiscoveredSound) -> dict[str, str]:
    """Spectrogram of each sound at the common level as a data URI, all on the scale of the target's."""
    samples = {key: samples for key, (_, samples) in rendered_sounds(sound).items()}
    gains = matched_gains(samples)
    powers = {key: gains[key] ** 2 * mel_power(each, sound.audio.sample_rate) for key, each in samples.items()}
    peak = float(powers[TARGET].max())
    return {key: data_uri(log_mel_png(power, peak), PNG) for key, power in powers.items()}


def _settings(sound: DiscoveredSound) -> list[tuple[str, str]]:
    """Dotted settings of parameterization and synth with their values as text, those that are unset left out."""
    settings = flatten({"parameterization": asdict(sound.parameterization), "synth": asdict(sound.synth)})
    return [(path, formatting.short(value)) for path, value in settings.items() if value is not None]


def _signed(value: float) -> str:
    """An effect with its sign, and a true minus."""
    return formatting.signed(value).replace("-", "−")
