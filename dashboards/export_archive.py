"""Archive of a study: its plan, records and summary without curves, sounds and weights, as one small file.

Unpacked below a root it is a study from which every table and figure can be made again. Values per clip are reduced to
the metrics that are undefined for some clips, because only these are averaged over the clips that all arms have. No
machine is named, and of each absolute path, be it in a setting or in a traceback, only its last part.
"""

import io
import json
import lzma
import re
import tarfile
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from core.metrics.catalog import metric_of
from core.storage.clip_values import ClipValues, ValuesPerClip, read_clip_values, write_clip_values
from core.storage.records import StudyPlan, TrialRecord
from core.storage.sealed import has_json_seal, seal_json, unseal_json
from core.storage.store import Attempt, Store
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.path_names import without_folders
from dashboards.report.keys import SUMMARY_KEY
from dashboards.report.summary import summary, summary_to_json

_HOST = "host"
"""Entry of a record's environment that names a machine, which an archive does not."""
_DIGITS = 5
"""Significant digits of the summary, half of whose size would else be digits that nobody reads."""
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
"""A text of JSON with its quotes."""


def archived(store: Store, analysis: StudyAnalysis) -> bytes:
    """The archive as a tar file compressed with xz; the same study gives the same bytes.

    Args:
        store: Store of the study.
        analysis: Analysis of its results.
    """
    results = analysis.results
    undefined = {name for arm in results.arms for name in arm.undefined}
    with tempfile.TemporaryDirectory(prefix="modstudy-archive-") as folder:
        copy = Store(Path(folder))
        copy.create_study(results.plan.definition)
        for segment in results.plan.segments:
            copy.append_segment(segment)
        for record in sorted(results.ledger.values(), key=lambda record: record.digest):
            _copy_trial(store.attempt_of(record), record, copy, undefined)
        copy.put(SUMMARY_KEY, summary_to_json(_rounded(summary(analysis))))
        return _packed(copy, results.plan)


def _rounded(value: Any) -> Any:
    """Plain values with numbers of `_DIGITS` digits: the records, from which they are made again, have all."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return value


def _paths(value: Any) -> Iterator[str]:
    """The absolute paths among plain values, and those in a home."""
    if isinstance(value, str) and (PurePath(value).is_absolute() or value.startswith("~")) and PurePath(value).name:
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _paths(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _paths(part)


def _renamed(data: bytes, paths: Collection[str]) -> bytes:
    """JSON with names in place of paths in all of its texts, sealed again if it was."""
    is_sealed = has_json_seal(data)
    text = _TEXT.sub(partial(_without_folders, paths), unseal_json(data) if is_sealed else data)
    return seal_json(text) if is_sealed else text


def _without_folders(paths: Collection[str], found: re.Match[bytes]) -> bytes:
    """A text of JSON with names in place of paths."""
    if b"/" not in found[0]:
        return found[0]
    text = json.loads(found[0])
    named = without_folders(text, paths)
    return found[0] if named == text else json.dumps(named, ensure_ascii=False).encode()


def _copy_trial(source: Attempt, record: TrialRecord, copy: Store, undefined: Collection[str]) -> None:
    """Commit the record of a trial, with its values per clip in the metrics that are undefined for some clips."""
    target = Attempt(copy, record.digest, record.attempt, files={})
    values = read_clip_values(source, undefined) if undefined else None
    if values is not None and values.columns:
        write_clip_values(target, values.clip_ids, values.modulations, _per_clip(values))
    environment = {key: value for key, value in record.environment.items() if key != _HOST}
    target.commit(replace(record, environment=environment))


def _per_clip(values: ClipValues) -> dict[str, ValuesPerClip]:
    """The columns of values per clip, as they are written."""
    per_clip = {}
    for name, column in values.columns.items():
        if metric_of(name).is_per_modulation:
            applies = values.applies[name]
            names = tuple(name for name, has in zip(values.modulations, applies, strict=True) if has)
            per_clip[name] = ValuesPerClip(values=column[:, applies], modulations=names)
        else:
            per_clip[name] = ValuesPerClip(values=column[:, 0])
    return per_clip


def _packed(copy: Store, plan: StudyPlan) -> bytes:
    """All values of a store as a compressed tar file, in a folder of the study's name, without times and owners."""
    files = [plan.definition.study_file, *(segment.study_file for segment in plan.segments)]
    paths = set(_paths([*files, *(arm.config for arm in plan.arms)]))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        # Files of the same kind lie beside each other, which makes the archive about 8 % smaller than trial by trial.
        for key in sorted(copy.all_names(""), key=lambda key: (key.rpartition("/")[2], key)):
            data = _renamed(copy.get(key), paths) if key.endswith(".json") else copy.get(key)
            entry = tarfile.TarInfo(f"{plan.name}/{key}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return lzma.compress(buffer.getvalue(), preset=9 | lzma.PRESET_EXTREME)
