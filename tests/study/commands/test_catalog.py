"""The catalog is read off the config types, so that nothing can be missing from it."""

import io
import json

import pytest
from rich.console import Console

from core.metrics.catalog import METRICS
from core.settings.loading import flat_config
from core.settings.presets import PAPER, SMALL
from core.settings.schema import setting_types, variants_of
from core.settings.trial import TrialConfig
from study.commands.catalog import catalog, catalog_tables


@pytest.fixture(scope="module")
def found():
    return catalog()


def settings_of(found):
    parts = [entry for group in found.values() if isinstance(group, list) for entry in group]
    nested = [setting for part in parts for setting in part.get("settings", [])]
    return {setting["path"]: setting for setting in [*nested, *found["trial"]]}


def test_every_setting_of_a_trial_is_listed_with_prose(found):
    listed = settings_of(found)
    for path in (*flat_config(SMALL.config), "parameterization.n_segments", "synth.oscillator.n_positions"):
        if path.endswith("kind"):
            continue
        assert listed[path]["doc"], path


def test_every_variant_and_metric_is_listed(found):
    types = setting_types(TrialConfig)
    assert len(found["parameterizations"]) == len(variants_of(types["parameterization"]))
    assert {entry["kind"] for entry in found["synths"]} == {"mod_synth", "engel"}
    assert {entry["kind"] for entry in found["data_sources"]} == {"synthetic", "audio_folder", "renders"}
    assert [entry["name"] for entry in found["metrics"]] == [info.name for info in METRICS]
    assert len(found["wavetables"]) == 10


def test_ranges_units_and_presets_are_those_of_the_types(found):
    listed = settings_of(found)
    assert listed["audio.sample_rate"]["range"] == ">= 8000, <= 192000"
    assert listed["audio.sample_rate"]["unit"] == "Hz"
    assert listed["audio.sample_rate"]["presets"] == {"paper": 48000, "small": 16000}
    assert listed["encoder.dilations"]["presets"]["paper"] == list(PAPER.config.encoder.dilations)
    assert listed["data.unpitched"]["choices"] == ["skip", "assume"]
    lines = [entry for entry in found["parameterizations"] if entry["kind"] == "spline"]
    segments = next(s for s in lines[0]["settings"] if s["path"] == "parameterization.n_segments")
    assert segments["presets"] == {"paper": 24, "small": 8}


def test_it_is_plain_json_and_can_be_shown(found):
    assert json.loads(json.dumps(found)) == found
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(catalog_tables(found))
    assert "parameterizations: spline" in console.export_text()
