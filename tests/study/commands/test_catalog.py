"""`modstudy catalog` is read from the config types and the metrics, so that nothing can be missing from it."""

import io
import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from rich.console import Console

from core.metrics.catalog import METRICS
from core.settings.presets import PAPER, PRESETS
from core.settings.schema import kind_of, setting_types, variants_of
from core.settings.trial import TrialConfig
from core.wavetables import BUILTIN_WAVETABLES
from search_spaces.samplers.settings import SamplerConfig
from study.commands.catalog import GROUPS, catalog_content, catalog_tables
from study.commands.options import OK
from tests.support.command_line import Command

Content = dict[str, Any]
PARTS = {path: variants for path, type_ in setting_types(TrialConfig).items() if (variants := variants_of(type_))}
"""The config classes of each part of a trial, by path."""


@pytest.fixture(scope="module")
def content() -> Content:
    return catalog_content()


def settings_of(entry: Content) -> dict[str, Content]:
    return {setting["path"]: setting for setting in entry["settings"] if setting["type"] != "kind"}


def paths_below(cls: type, path: str) -> Iterator[str]:
    """The path of every setting of a config class, those of all variants of its parts included."""
    for name, annotation in setting_types(cls).items():
        variants = variants_of(annotation)
        for variant in variants:
            yield from paths_below(variant, f"{path}.{name}")
        if name != "kind" and not variants:
            yield f"{path}.{name}"


def test_every_part_of_a_trial_has_a_group() -> None:
    assert sorted(GROUPS.values()) == sorted(PARTS)


def test_every_variant_is_listed_once_and_described(content: Content) -> None:
    for group, path in GROUPS.items():
        assert [entry["kind"] for entry in content[group]] == [kind_of(cls) for cls in PARTS[path]]
        for entry in content[group]:
            assert entry["doc"], (group, entry["kind"])


def test_every_setting_of_every_variant_is_listed_and_described(content: Content) -> None:
    for group, path in GROUPS.items():
        for entry, cls in zip(content[group], PARTS[path], strict=True):
            listed = settings_of(entry)
            assert set(listed) == set(paths_below(cls, path))
            for name, setting in listed.items():
                assert setting["doc"], name


def test_every_sampler_is_listed_with_its_settings(content: Content) -> None:
    classes = variants_of(SamplerConfig)
    assert [entry["kind"] for entry in content["samplers"]] == [kind_of(cls) for cls in classes]
    for entry, cls in zip(content["samplers"], classes, strict=True):
        assert entry["doc"]
        assert set(settings_of(entry)) == {f"search.sampler.{item.name}" for item in fields(cls) if item.name != "kind"}
        assert all(setting["doc"] for setting in entry["settings"])


def test_variants_inside_a_part_are_listed_with_their_kinds(content: Content) -> None:
    for group, path in GROUPS.items():
        for entry, cls in zip(content[group], PARTS[path], strict=True):
            for name, annotation in setting_types(cls).items():
                kinds = [kind for variant in variants_of(annotation) if (kind := kind_of(variant))]
                heads = [
                    setting["value"]
                    for setting in entry["settings"]
                    if setting["type"] == "kind" and setting["path"] == f"{path}.{name}.kind"
                ]
                assert heads == kinds


def test_settings_of_the_trial_itself_are_listed(content: Content) -> None:
    assert [setting["path"] for setting in content["trial"]] == [
        entry.name for entry in fields(TrialConfig) if entry.name not in PARTS
    ]
    assert all(setting["doc"] for setting in content["trial"])


def test_every_setting_has_its_value_in_every_preset_or_must_be_given(content: Content) -> None:
    entries = [entry for group in GROUPS for entry in content[group]]
    for setting in [*content["trial"], *(each for entry in entries for each in settings_of(entry).values())]:
        assert set(setting["presets"]) in (set(PRESETS), set()), setting["path"]


def test_every_synth_names_its_curves(content: Content) -> None:
    for entry, cls in zip(content["synths"], PARTS["synth"], strict=True):
        modulations = cls().modulations
        assert modulations
        assert entry["modulations"] == {each.name: each.description for each in modulations}


def test_every_metric_is_listed(content: Content) -> None:
    assert [entry["name"] for entry in content["metrics"]] == [metric.name for metric in METRICS]
    for entry, metric in zip(content["metrics"], METRICS, strict=True):
        assert entry == {
            "name": metric.name,
            "direction": metric.direction,
            "unit": metric.unit,
            "doc": metric.description,
            "projections": list(metric.projections),
            "per_modulation": metric.is_per_modulation,
        }


def test_every_built_in_wavetable_is_listed(content: Content) -> None:
    assert [entry["name"] for entry in content["wavetables"]] == list(BUILTIN_WAVETABLES)


def test_ranges_units_choices_and_presets_are_those_of_the_types(content: Content) -> None:
    audio = settings_of(content["audio"][0])
    assert audio["audio.sample_rate"]["range"] == ">= 8000, <= 192000"
    assert audio["audio.sample_rate"]["unit"] == "Hz"
    assert audio["audio.sample_rate"]["presets"] == {"paper": 48000, "small": 16000}
    encoder = settings_of(content["encoder"][0])
    assert encoder["encoder.dilations"]["presets"]["paper"] == list(PAPER.config.encoder.dilations)
    assert encoder["encoder.dilations"]["range"] == "length >= 1, length <= 11"
    by_kind = {entry["kind"]: settings_of(entry) for group in GROUPS for entry in content[group]}
    assert by_kind["audio_folder"]["data.unpitched"]["choices"] == ["skip", "assume"]
    assert by_kind["spline"]["parameterization.n_segments"]["presets"] == {"paper": 24, "small": 8}


def test_tables_show_every_group_setting_and_metric(content: Content) -> None:
    console = Console(width=400, record=True, file=io.StringIO())
    console.print(catalog_tables(content))
    text = console.export_text()
    for group in GROUPS:
        for entry in content[group]:
            assert (f"{group}: {entry['kind']} · " if entry["kind"] else f"{group} · ") in text
            assert all(path in text for path in settings_of(entry))
    assert all(metric.name in text and metric.description in text for metric in METRICS)
    assert all(name in text for name in BUILTIN_WAVETABLES)


def test_on_request_it_is_json(modstudy: Command, content: Content) -> None:
    result = modstudy("catalog", "--json")
    assert result.exit_code == OK
    assert json.loads(result.output) == content


def test_without_an_option_it_is_tables(modstudy: Command) -> None:
    result = modstudy("catalog")
    assert result.exit_code == OK
    assert "parameterizations: spline" in result.output
