"""Folders of sounds with a declared LFO rate: metadata, manifest, and completion, without a real synth."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.data.manifest import MANIFEST_NAME, read_manifest
from core.data.metadata import METADATA_NAME, read_metadata
from core.data.periodic_lfo import draw_periodic_lfo
from core.data.renderers.folder import RenderSummary, Take, fill_folder
from core.data.renderers.soundfont import PITCHED_PROGRAMS, SUSTAINED_PROGRAMS, draw_note_of, render_soundfont
from core.data.renderers.vital_rates import draw_rate_patch
from core.errors import ConfigError, DataError
from tests.support.rendered_folder import render_settings, takes_of


def fill(folder: Path, *, with_curves: bool, rendered: list[int] | None = None) -> RenderSummary:
    settings = render_settings(n=4)
    take_of = takes_of(settings, rendered)

    def take(number: int) -> Take:
        lfo = draw_periodic_lfo("tremolo", (2.0, 8.0), np.random.default_rng(number))
        plain = take_of(number)
        return replace(plain, lfos={**plain.lfos, "env": lfo} if with_curves else {}, declared=lfo)

    return fill_folder(folder, settings, take)


@pytest.mark.parametrize("with_curves", [True, False])
def test_metadata_declare_pitch_group_and_rate(tmp_path: Path, with_curves: bool) -> None:
    fill(tmp_path, with_curves=with_curves)
    entries = read_metadata(tmp_path / METADATA_NAME)
    assert list(entries) == [f"fake_{number:05d}.wav" for number in range(4)]
    for number, entry in enumerate(entries.values()):
        lfo = draw_periodic_lfo("tremolo", (2.0, 8.0), np.random.default_rng(number))
        assert entry.f0_hz == 100.0 + number
        assert entry.group == f"patch{number // 2}"
        assert entry.lfo_hz == pytest.approx(lfo.rate_hz, rel=1e-5)
    assert (tmp_path / MANIFEST_NAME).exists() == with_curves
    if with_curves:
        time = np.arange(501) / 500
        for number, row in enumerate(read_manifest(tmp_path / MANIFEST_NAME)):
            lfo = draw_periodic_lfo("tremolo", (2.0, 8.0), np.random.default_rng(number))
            np.testing.assert_allclose(row.curves[2], lfo.at(time), atol=1e-6)


@pytest.mark.parametrize("with_curves", [True, False])
def test_only_changed_sounds_are_rendered_again(tmp_path: Path, with_curves: bool) -> None:
    fill(tmp_path, with_curves=with_curves)
    before = (tmp_path / METADATA_NAME).read_bytes()
    (tmp_path / "fake_00002.wav").write_bytes(b"something else")
    rendered: list[int] = []
    assert fill(tmp_path, with_curves=with_curves, rendered=rendered).n_rendered == 1
    assert rendered == [2]
    assert (tmp_path / METADATA_NAME).read_bytes() == before


def test_damaged_metadata_have_all_sounds_rendered_again(tmp_path: Path) -> None:
    fill(tmp_path, with_curves=False)
    (tmp_path / METADATA_NAME).write_text("file,sha256\nfake_00000.wav,\n")
    assert fill(tmp_path, with_curves=False).n_rendered == 4


def test_patch_depends_on_seed_and_number_only_and_moves_one_parameter() -> None:
    assert draw_rate_patch(5, 1, "filter", (2.0, 8.0)) == draw_rate_patch(5, 1, "filter", (2.0, 8.0))
    assert draw_rate_patch(5, 1, "filter", (2.0, 8.0)) != draw_rate_patch(5, 2, "filter", (2.0, 8.0))
    assert set(draw_rate_patch(0, 0, "vibrato", (2.0, 8.0)).lfos) == {"add", "sub", "env", "vibrato"}


def test_notes_depend_on_seed_and_number_only() -> None:
    assert draw_note_of(3, 7, target="tremolo") == draw_note_of(3, 7, target="tremolo")
    notes = [draw_note_of(3, number) for number in range(300)]
    assert {note.program for note in notes} <= set(PITCHED_PROGRAMS)
    assert all(note.lfo is None for note in notes)
    assert set(SUSTAINED_PROGRAMS) < set(PITCHED_PROGRAMS) < set(range(128))


def test_missing_fluidsynth_is_named_with_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    with pytest.raises(DataError, match=r"pip install 'modstudy\[real\]', and apt-get install"):
        render_soundfont(tmp_path / "out", n=1, seed=0)
    assert not (tmp_path / "out").exists()


def test_program_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="numbered 0 to 127; got 128"):
        render_soundfont(tmp_path / "out", n=1, seed=0, programs=[3, 128])
