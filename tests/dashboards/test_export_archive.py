"""Archives of studies, from which tables are made again."""

import io
import tarfile
from dataclasses import replace
from pathlib import Path

from core.settings.oscillators import FrozenWavetableConfig
from core.settings.synths import ModSynthConfig
from core.storage.store import Store
from core.storage.verification import verify_study
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.export_archive import archived
from dashboards.export_tables import arms_table, comparisons_table, tidy_csv
from tests.support.fake_study import ARMS, MakeStudy


def unpacked(data: bytes, folder: Path) -> Store:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:xz") as tar:
        tar.extractall(folder, filter="data")
        (name,) = {member.name.partition("/")[0] for member in tar.getmembers()}
    return Store(folder / name)


def test_an_unpacked_archive_gives_the_same_tables_from_intact_files(make_study: MakeStudy, tmp_path: Path) -> None:
    arms = [replace(arm, n_flat=number % 3) for number, arm in enumerate(ARMS)]
    store = make_study(arms, seeds=3)
    analysis = StudyAnalysis(load_results(store))
    data = archived(store, analysis)
    copy = unpacked(data, tmp_path / "elsewhere")
    again = StudyAnalysis(load_results(copy))
    assert again.results.common.keys() == analysis.results.common.keys() != set()
    assert arms_table(again) == arms_table(analysis)
    assert comparisons_table(again) == comparisons_table(analysis)
    assert tidy_csv(again.results) == tidy_csv(analysis.results)
    assert not verify_study(copy).damaged
    assert archived(store, analysis) == data


def test_an_archive_has_no_curves_sounds_weights_and_hosts(make_study: MakeStudy, tmp_path: Path) -> None:
    store = make_study()
    copy = unpacked(archived(store, StudyAnalysis(load_results(store))), tmp_path / "elsewhere")
    names = {key.rpartition("/")[2] for key in copy.all_names("")}
    assert names <= {"study.json", "study-copy.json", "0001.json", "summary.json", "record.json", "clip_values.arrow"}
    records = list(copy.ledger())
    assert len(records) == len(load_results(store).ledger)
    assert all("host" not in record.environment for record in records)


def test_an_archive_does_not_say_where_data_lie(make_study: MakeStudy, tmp_path: Path) -> None:
    tables = ("/home/ann/tables", "/home/ann/tables/größer.wav")
    arms = [
        replace(arm, synth=ModSynthConfig(oscillator=FrozenWavetableConfig(wavetable=table)))
        for arm, table in zip(ARMS[:2], tables, strict=True)
    ]
    store = make_study(arms, study_file={"config": {"synth": {"oscillator": {"wavetable": tables[1]}}}})
    copy = unpacked(archived(store, StudyAnalysis(load_results(store))), tmp_path / "elsewhere")
    assert not [key for key in copy.all_names("") if b"/home/ann" in copy.get(key)]
    configs = [arm.config["synth"]["oscillator"]["wavetable"] for arm in load_results(copy).plan.arms]
    assert configs == ["tables", "größer.wav"]
    assert not verify_study(copy).damaged


def test_an_archive_has_no_paths_in_errors_and_study_files(make_study: MakeStudy, tmp_path: Path) -> None:
    arms = [replace(ARMS[0], outcomes={1: "failed"}), *ARMS[1:3]]
    study_file = {"config": {"data": {"folder": "/home/ann lee/my sounds"}}, "notes": ["see /home/ann/notes/a.txt"]}
    store = make_study(arms, study_file=study_file)
    results = load_results(store)
    (failed,) = (record for record in results.ledger.values() if record.outcome == "failed")
    error = (
        "OSError: cannot read /home/ann lee/my sounds/a.wav\n"
        'File "/home/ann/modstudy/core/training/trial.py", line 107, in fit\n'
        "RuntimeError: /opt/lib/größer.so: no such file"
    )
    ledger = {**results.ledger, failed.digest: replace(failed, error=error)}
    copy = unpacked(archived(store, StudyAnalysis(replace(results, ledger=ledger))), tmp_path / "elsewhere")
    found = next(record for record in copy.ledger() if record.outcome == "failed")
    assert found.error == (
        'OSError: cannot read my sounds/a.wav\nFile "trial.py", line 107, in fit\nRuntimeError: größer.so: no such file'
    )
    assert copy.plan().study_file == {"config": {"data": {"folder": "my sounds"}}, "notes": ["see a.txt"]}
    assert not [key for key in copy.all_names("") if b"/home/ann" in copy.get(key)]
    assert not verify_study(copy).damaged
