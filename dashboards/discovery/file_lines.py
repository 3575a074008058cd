"""What the files of a discovered sound are, and what opens them, in a line each."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.discovery.files import ExportedFiles

_SUMMARY = "summary.json"
_KNOWN: Mapping[str, str] = {
    "target.wav": "the sound in mono, as it was fitted",
    "estimate.wav": "the sound of the synth",
    "curves.csv": "the curves, a row per frame; any spreadsheet",
    "curves.npz": "the curves as arrays; numpy",
    "curves.arrow": "the curves as a table; pyarrow, pandas, polars, DuckDB",
    "wavetable.wav": "the wavetable, 2,048 samples a frame; Vital, Serum, Surge and others: drag it onto an oscillator",
    _SUMMARY: "all numbers of this page",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """A file beside the page of a sound."""

    name: str
    what: str


def file_lines(exported: ExportedFiles) -> tuple[ExportedFile, ...]:
    """The files of a sound, and the summary, in words."""
    return tuple(ExportedFile(name=name, what=_what(name, exported)) for name in (*exported.names, _SUMMARY))


def _what(name: str, exported: ExportedFiles) -> str:
    stem, _, suffix = name.rpartition(".")
    if name in _KNOWN:
        return _KNOWN[name]
    if suffix == "vital" and exported.preset is not None:
        remarks = "".join(f"; {remark}" for remark in exported.preset.remarks)
        return f"a preset of Vital with wavetable and curves; play MIDI note {exported.preset.note}{remarks}"
    if suffix == "vitallfo":
        return f"the curve {stem} as a shape for an LFO of Vital; largest error {exported.shape_errors[stem]:.2g}"
    if suffix == "mid":
        controllers = ", ".join(f"{each} as CC {number}" for each, number in exported.controllers.items())
        return f"the note and its curves for a DAW: {controllers}"
    kind, _, modulation = stem.partition("-")
    if kind == "solo":
        return f"the estimate with only {modulation} moving"
    return f"the estimate with {modulation} held at its mean"
