"""The committed results of the built-in studies: their tables are those that their archives give."""

import tarfile
from pathlib import Path

import pytest

import dashboards
from core.storage.store import Store
from core.storage.verification import verify_study
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.export_tables import arms_table, claims_table, comparisons_table, rendered

FINDINGS = Path(dashboards.__file__).parent / "findings"
ARCHIVES = sorted(FINDINGS.glob("*.tar.xz"))
LARGEST = 2**20


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name.partition(".")[0])
def test_tables_of_a_finding_are_made_again_from_its_archive(archive: Path, tmp_path: Path) -> None:
    name = archive.name.partition(".")[0]
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    store = Store(tmp_path / name)
    assert not verify_study(store).damaged
    analysis = StudyAnalysis(load_results(store))
    page = (FINDINGS / f"{name}.md").read_text(encoding="utf-8")
    for table in (arms_table(analysis), comparisons_table(analysis), claims_table(analysis)):
        assert table is None or rendered(table, "markdown") in page
    assert archive.stat().st_size < LARGEST


def test_every_finding_has_its_study_and_is_listed() -> None:
    index = (FINDINGS / "README.md").read_text(encoding="utf-8")
    names = [archive.name.partition(".")[0] for archive in ARCHIVES]
    assert "paper-1" in names
    studies = FINDINGS.parents[1] / "search_spaces" / "studies"
    for name in names:
        assert (studies / f"{name}.toml").is_file()
        assert f"({name}.md)" in index
