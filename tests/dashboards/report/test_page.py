"""What the written report holds, and what it must not."""

import io
import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from matplotlib.image import imread
from rich.console import Console

from core.errors import ConfigError, StudyError
from core.storage.records import DataIssue
from core.storage.store import Store
from dashboards.analysis.study_results import load_results
from dashboards.report.page import FRONT_KEY, PAGE_KEY, SUMMARY_KEY, write_report
from dashboards.report.summary import summarize, summary_from_json
from dashboards.tables import arm_table, front_text
from tests.dashboards.conftest import MakeStudy
from tests.support.fake_study import ARMS, FRONT, FakeArm

EVIL = "<img src=x onerror=alert(1)> $x$ [red]"


class Page(HTMLParser):
    """Tags with their attributes, and the text outside scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.data = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script" and self.tags[-1][1].get("type") == "application/json":
            self.data += data
        elif not self._open or self._open[-1] not in ("script", "style"):
            self.text += data


def page_of(store: Store) -> Page:
    return Page(store.get(PAGE_KEY).decode())


def strict(data: bytes) -> dict:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(data, parse_constant=refuse)


def test_the_page_loads_nothing_from_anywhere(written: Store) -> None:
    loading = {"src", "href", "srcset", "poster", "data", "action", "background"}
    for tag, attributes in page_of(written).tags:
        for name in loading & attributes.keys():
            assert (attributes[name] or "").startswith(("data:", "#")), (tag, name, attributes[name])
    css = written.get(PAGE_KEY).decode().partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in css
    assert "@import" not in css


def test_the_page_carries_plotly_once_and_stays_small(make_study: MakeStudy) -> None:
    store = make_study(n_clips=4)
    write_report(store)
    html = store.get(PAGE_KEY)
    assert html.count(b"* plotly.js v") == 1
    assert len(html) < 12e6


def test_the_page_shows_question_arms_findings_and_sounds(written: Store) -> None:
    summary = summary_from_json(written.get(SUMMARY_KEY))
    page = page_of(written)
    for arm in ARMS:
        assert arm.name in page.text
    assert summary.question in page.text
    for sentence in summary.findings:
        assert sentence in page.text
    tags = [tag for tag, _ in page.tags]
    n_clips = 2
    assert tags.count("audio") == n_clips * (1 + len(ARMS))
    assert tags.count("img") == n_clips * (1 + len(ARMS))
    assert tags.count("svg") == n_clips * 3 * (1 + len(ARMS))


def test_the_pages_numbers_are_the_summarys(written: Store) -> None:
    drawn = {arm["name"]: arm for arm in strict(page_of(written).data.encode())["arms"]}
    for arm in strict(written.get(SUMMARY_KEY))["arms"]:
        for name, metric in arm["metrics"].items():
            assert drawn[arm["name"]]["means"][name] == [metric["mean"], metric["lo"], metric["hi"]]


def test_the_summary_has_the_promised_shape(written: Store) -> None:
    summary = strict(written.get(SUMMARY_KEY))
    assert summary["schema_version"] == 1
    assert summary["study"] == "quickstart"
    assert summary["objectives"][0] == {"metric": "audio.mss", "direction": "minimize"}
    assert summary["counts"] == {"planned": 14, "finished": 14, "diverged": 0, "failed": 0, "missing": 0}
    assert {arm["name"] for arm in summary["arms"] if arm["on_front"]} == FRONT == set(summary["front"]["arms"])
    frame = summary["arms"][0]
    assert frame["seeds"] == [0, 1]
    assert frame["config"]["parameterization.kind"] == "frame"
    assert "seed" not in frame["config"]
    assert frame["metrics"]["audio.mss"].keys() == {"mean", "lo", "hi"}
    constant = summary["arms"][-1]
    assert "interpretability.tv" not in constant["metrics"]
    assert constant["is_baseline"]
    assert constant["is_static"]
    assert constant["undefined"] == {"interpretability.tv": 768}


def test_the_summary_reads_back(written: Store) -> None:
    assert summary_from_json(written.get(SUMMARY_KEY)) == summarize(load_results(written))


def test_one_seed_has_null_bounds_and_a_warning(make_study: MakeStudy) -> None:
    store = make_study(seeds=1, n_clips=1)
    write_report(store)
    summary = strict(store.get(SUMMARY_KEY))
    assert summary["arms"][0]["metrics"]["audio.mss"]["lo"] is None
    assert "not as evidence" in page_of(store).text


def test_failures_and_skipped_sounds_are_listed_with_their_reason(make_study: MakeStudy) -> None:
    notice = DataIssue(source="bass/silent.wav", problem="silent: peak below -60 dBFS", skipped=True)
    arms = [replace(ARMS[0], outcomes={0: "diverged", 1: None}), *ARMS[1:]]
    store = make_study(arms, notices=(notice,), n_clips=1)
    write_report(store)
    text = page_of(store).text
    for words in (
        "training loss 173.2 at step 41",
        "no record: not run yet",
        "bass/silent.wav",
        "silent: peak below",
        "1 diverged",
        "Provisional: 12 of 14",
    ):
        assert words in text


def test_a_study_that_has_just_begun_has_a_report(make_study: MakeStudy) -> None:
    store = make_study([replace(arm, outcomes={0: None, 1: None}) for arm in ARMS])
    report = write_report(store)
    assert report.summary.front.size == 0
    assert "No trial has finished" in page_of(store).text
    assert imread(io.BytesIO(store.get(FRONT_KEY))).size > 0


def test_names_are_never_markup(make_study: MakeStudy) -> None:
    arms = [FakeArm(name=EVIL, mss=1.0, tv=3.0), FakeArm(name="</script><script>alert(2)</script>", mss=0.9, tv=4.0)]
    store = make_study(arms, n_clips=1, question='<script src="http://evil.example/x.js"></script>{{ 7 * 7 }}')
    write_report(store)
    page = page_of(store)
    assert sum(tag == "script" for tag, _ in page.tags) == 3
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert EVIL in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert {arm["name"] for arm in strict(page.data.encode())["arms"]} == {arm.name for arm in arms}
    results = load_results(store)
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(arm_table(results), front_text(results))
    assert "[red]" in console.export_text()


def test_other_axes_can_be_asked_for(make_study: MakeStudy) -> None:
    store = make_study(n_clips=0)
    write_report(store, x="audio.mel", y="curves.pcc.lls3")
    data = strict(page_of(store).data.encode())
    assert (data["x"], data["y"]) == ("audio.mel", "curves.pcc.lls3")
    directions = {metric["name"]: metric["direction"] for metric in data["metrics"]}
    assert directions["curves.pcc.lls3"] == "maximize"
    assert directions["interpretability.range"] == "describe"


def test_axes_that_make_no_front_are_refused(make_study: MakeStudy) -> None:
    store = make_study(n_clips=0)
    with pytest.raises(ConfigError, match="unknown metric 'audio.loudness'"):
        write_report(store, x="audio.loudness")
    with pytest.raises(StudyError, match="two different metrics"):
        write_report(store, x="audio.mss", y="audio.mss")


def test_asking_for_the_second_objective_below_swaps_the_axes(make_study: MakeStudy) -> None:
    store = make_study(n_clips=0)
    write_report(store, x="interpretability.tv")
    data = strict(page_of(store).data.encode())
    assert (data["x"], data["y"]) == ("interpretability.tv", "audio.mss")


def test_the_picture_is_a_readable_png_also_with_many_arms(make_study: MakeStudy) -> None:
    arms = [FakeArm(name=f"arm-{i}", mss=1 + i % 7, tv=3.0 + i % 5) for i in range(40)]
    store = make_study(arms, seeds=1, n_clips=0)
    write_report(store)
    height, width, _ = imread(io.BytesIO(store.get(FRONT_KEY))).shape
    assert width >= 1000
    assert height >= 600


def test_the_terminal_table_fits_80_columns(make_study: MakeStudy) -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(arm_table(load_results(make_study(n_clips=0))))
    text = console.export_text()
    for arm in ARMS:
        assert f"\n{arm.name} " in text
    assert "● front" in text
    assert "…" not in text
