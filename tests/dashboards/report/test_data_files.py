"""The section on the sound files, and `data.csv` beside the page."""

from core.storage.records import DataFile, PlanSegment
from dashboards.report.data_files import grouped_for
from dashboards.report.keys import DATA_KEY, PAGE_KEY
from dashboards.report.page import write_report
from tests.dashboards.report.html_page import page_of
from tests.support.fake_study import ARMS, MakeStudy

FILES = (
    DataFile(file="pad C2.wav", f0_hz=65.4, pitch_source="file name", group="pad", grouped_by=("name", "same sound")),
    DataFile(file="pad D2.wav", f0_hz=73.4, pitch_source="file name", group="pad", grouped_by=("name",), split="test"),
    DataFile(file="copy.ogg", f0_hz=65.4, pitch_source="tracked", group="pad", grouped_by=("same sound",)),
    DataFile(file="hit.wav", f0_hz=90.0, pitch_source="tracked", group="hit.wav", split="train", clip_starts_s=(0.0,)),
)


def test_groups_are_counted_by_reason() -> None:
    name, sound = grouped_for(FILES)
    assert (name.n_groups, name.n_files, name.examples) == (1, 2, ("pad C2.wav, pad D2.wav",))
    assert (sound.n_groups, sound.n_files, sound.examples) == (1, 2, ("pad C2.wav, copy.ogg",))


def test_page_tells_notes_and_groups_and_links_the_table(make_study: MakeStudy) -> None:
    store = make_study(ARMS[:2], seeds=1, n_clips=0)
    write_report(store)
    assert not store.has(DATA_KEY)
    assert "files" not in page_of(store).section_ids
    store.append_segment(PlanSegment(stage="seeds", data_files=FILES, data_notes=("most pitches were tracked",)))
    write_report(store)
    page = page_of(store)
    for words in ("Most pitches were tracked.", "same patch, with other notes", "pad C2.wav, copy.ogg"):
        assert words in page.text
    assert '<a href="data.csv">' in store.get(PAGE_KEY).decode()
    assert store.get(DATA_KEY).decode().count("\n") == 5
