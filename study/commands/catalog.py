"""`modstudy catalog`: lists all settings and metrics as tables or as JSON, generated from the config classes."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from annotated_types import Ge, Gt, Interval, Le, Lt, MaxLen, MinLen, Unit
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from typing_extensions import Doc

from core.settings.presets import PRESETS, Preset
from core.settings.schema import kind_of, setting_types, variants_of
from core.settings.trial import TrialConfig
from search_spaces.samplers.settings import SamplerConfig
from study.commands.options import console, report_errors

GROUPS = {
    "parameterizations": "parameterization",
    "synths": "synth",
    "encoder": "encoder",
    "losses": "loss",
    "data_sources": "data",
    "optimizers": "optimizer",
    "audio": "audio",
    "trainer": "trainer",
}
"""Groups of the catalog by name, each with the field of the trial config whose variants it lists."""


@report_errors
def catalog(
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole catalog as JSON.")] = False,
) -> None:
    """List all components with their settings, ranges, units and presets, and all metrics with their directions."""
    content = catalog_content()
    if as_json:
        typer.echo(json.dumps(content, indent=1))
    else:
        console.print(catalog_tables(content))


def catalog_content() -> dict[str, Any]:
    """The catalog as plain values.

    Each group lists its entries with description and settings; settings have type, range, unit and values in presets.
    """
    from core.metrics.catalog import METRICS

    types = setting_types(TrialConfig)
    found: dict[str, Any] = {
        group: [_entry(cls, path) for cls in variants_of(types[path])] for group, path in GROUPS.items()
    }
    found["trial"] = [
        _setting(TrialConfig, entry, "") for entry in fields(TrialConfig) if not _is_nested_config(types[entry.name])
    ]
    found["encoder_presets"] = {name: _plain_value(asdict(preset.config.encoder)) for name, preset in PRESETS.items()}
    found["metrics"] = [
        {
            "name": metric.name,
            "direction": metric.direction,
            "unit": metric.unit,
            "doc": metric.description,
            "projections": list(metric.projections),
            "per_modulation": metric.is_per_modulation,
        }
        for metric in METRICS
    ]
    found["samplers"] = [_sampler_entry(cls) for cls in variants_of(SamplerConfig)]
    found["wavetables"] = list(_wavetables())
    return found


def catalog_tables(found: Mapping[str, Any]) -> RenderableType:
    """The content of the catalog as terminal tables."""
    parts: list[RenderableType] = []
    for group in GROUPS:
        for entry in found[group]:
            parts.append(_settings_table(group, entry))
    parts.append(_settings_table("trial", {"kind": None, "doc": "", "settings": found["trial"]}))
    parts += [_settings_table("samplers", entry) for entry in found["samplers"]]
    metrics = Table(title="metrics", title_justify="left")
    for column in ("name", "direction", "unit", "description"):
        metrics.add_column(column)
    for metric in found["metrics"]:
        metrics.add_row(metric["name"], metric["direction"], metric["unit"], metric["doc"])
    parts.append(metrics)
    parts.append(
        Text(
            "Names go on with .lls1 or .lls3 (curves) or .lls3 (proxies), and for curves with the name of a "
            "modulation: curves.pcc.lls3.add"
        )
    )
    parts.append(Text(f"\nbuilt-in wavetables: {', '.join(table['name'] for table in found['wavetables'])}"))
    return Group(*parts)


# ---------------------------------------------------------------------------------------------------------------------


def _entry(cls: type, path: str) -> dict[str, Any]:
    """Kind, description, settings and modulations of a config class."""
    entry: dict[str, Any] = {"kind": kind_of(cls), "doc": _summary_line(cls), "settings": _settings(cls, path)}
    if modulations := getattr(cls, "module_modulations", getattr(cls, "modulations", ())):
        entry["modulations"] = {modulation.name: modulation.description for modulation in modulations}
    return entry


def _sampler_entry(cls: type) -> dict[str, Any]:
    """Kind, description and settings of a sampler's config class, which presets do not contain."""
    settings = [
        _setting(cls, entry, "search.sampler", with_presets=False) for entry in fields(cls) if entry.name != "kind"
    ]
    return {"kind": kind_of(cls), "doc": _summary_line(cls), "settings": settings}


def _settings(cls: type, path: str) -> list[dict[str, Any]]:
    """Descriptions of all settings of a config class, including those of nested config classes."""
    types = setting_types(cls)
    found: list[dict[str, Any]] = []
    for entry in fields(cls):
        if entry.name == "kind":
            continue
        if not _is_nested_config(types[entry.name]):
            found.append(_setting(cls, entry, path))
            continue
        for variant in variants_of(types[entry.name]):
            kind = kind_of(variant)
            nested = _settings(variant, f"{path}.{entry.name}")
            kind_entry = {
                "path": f"{path}.{entry.name}.kind",
                "type": "kind",
                "value": kind,
                "doc": _summary_line(variant),
            }
            found += [
                *([kind_entry] if kind else []),
                *({**setting, "under": kind} if kind else setting for setting in nested),
            ]
    return found


def _setting(cls: type, entry: Field[Any], path: str, *, with_presets: bool = True) -> dict[str, Any]:
    """Path, type, default, range, unit, description and preset values of one setting."""
    annotation = setting_types(cls)[entry.name]
    notes = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    bare_type = get_args(annotation)[0] if notes else annotation
    return {
        "path": f"{path}.{entry.name}" if path else entry.name,
        "type": _type_name(bare_type),
        "default": _plain_value(_default(entry)),
        "range": _range(notes),
        "choices": list(get_args(bare_type)) if get_origin(bare_type) is Literal else [],
        "unit": next((note.unit for note in notes if isinstance(note, Unit)), ""),
        "doc": next((note.documentation for note in notes if isinstance(note, Doc)), ""),
        "presets": {
            name: _plain_value(getattr(_config_in_preset(preset, cls), entry.name)) for name, preset in PRESETS.items()
        }
        if with_presets and (entry.default is not MISSING or entry.default_factory is not MISSING)
        else {},
    }


def _is_nested_config(annotation: Any) -> bool:
    """Whether a field holds a nested config class."""
    return bool(variants_of(annotation))


def _default(entry: Field[Any]) -> Any:
    """Default value of a field; None if it has none."""
    if entry.default is not MISSING:
        return entry.default
    return entry.default_factory() if entry.default_factory is not MISSING else None


def _config_in_preset(preset: Preset, cls: type) -> Any:
    """Config of a class in a preset: the one in its trial config, or else its alternative of this class."""
    return next((node for node in _nested_configs(preset.config) if type(node) is cls), None) or preset.variant(cls)


def _nested_configs(config: Any) -> Iterable[Any]:
    """A config and all configs nested in it."""
    if is_dataclass(config) and not isinstance(config, type):
        yield config
        for entry in fields(config):
            yield from _nested_configs(getattr(config, entry.name))


def _summary_line(cls: type) -> str:
    """First line of the docstring of a class."""
    return (cls.__doc__ or "").strip().splitlines()[0]


def _type_name(annotation: Any) -> str:
    """Name of a type for readers, such as `int`, `choice` or `float, optional`."""
    if get_origin(annotation) is Literal:
        return "choice"
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    if get_origin(annotation) is tuple:
        return "list"
    names = [_type_name(member) for member in get_args(annotation) if member is not type(None)]
    return " or ".join(names) + ", optional"


def _range(notes: Iterable[Any]) -> str:
    """Range of a setting as text, such as `> 0, <= 1`."""
    bounds: list[str] = []
    for note in notes:
        if isinstance(note, Interval):
            note_parts: list[tuple[str, Any]] = [(">", note.gt), (">=", note.ge), ("<", note.lt), ("<=", note.le)]
        elif isinstance(note, Gt):
            note_parts = [(">", note.gt)]
        elif isinstance(note, Ge):
            note_parts = [(">=", note.ge)]
        elif isinstance(note, Lt):
            note_parts = [("<", note.lt)]
        elif isinstance(note, Le):
            note_parts = [("<=", note.le)]
        elif isinstance(note, MinLen):
            note_parts = [("length >=", note.min_length)]
        elif isinstance(note, MaxLen):
            note_parts = [("length <=", note.max_length)]
        else:
            continue
        bounds += [f"{sign} {value:g}" for sign, value in note_parts if value is not None]
    return ", ".join(bounds)


def _plain_value(value: Any) -> Any:
    """The value with dataclasses as dictionaries and tuples as lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain_value(asdict(value))
    if isinstance(value, Mapping):
        return {key: _plain_value(item) for key, item in value.items()}
    return [_plain_value(item) for item in value] if isinstance(value, list | tuple) else value


def _wavetables() -> Iterable[dict[str, str]]:
    """The built-in wavetables by name."""
    from core.wavetables import BUILTIN_WAVETABLES

    for name in BUILTIN_WAVETABLES:
        yield {"name": name}


def _settings_table(group: str, entry: Mapping[str, Any]) -> Table:
    """Table of the settings of one entry."""
    title = f"{group}: {entry['kind']}" if entry["kind"] else group
    table = Table(title=f"{title} · {entry['doc']}" if entry["doc"] else title, title_justify="left")
    for column in ("setting", "type", "range", "unit", *PRESETS, "description"):
        table.add_column(column, overflow="fold")
    for setting in entry["settings"]:
        if setting["type"] == "kind":
            table.add_row(
                setting["path"], "kind", "", "", *[""] * len(PRESETS), f"{setting['value']}: {setting['doc']}"
            )
            continue
        kind = ", ".join(map(str, setting["choices"])) or setting["type"]
        sizes = [_cell(setting["presets"].get(name, setting["default"])) for name in PRESETS]
        table.add_row(setting["path"], kind, setting["range"], setting["unit"], *sizes, setting["doc"])
    return table


def _cell(value: Any) -> str:
    """The value of a setting as text for a table cell; "unset" for None."""
    if value is None:
        return "unset"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
