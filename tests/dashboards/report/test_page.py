"""What the written page contains, and what it must not."""

from dataclasses import replace

import pytest

from core.storage.records import DataIssue
from core.storage.store import Store
from dashboards.report.keys import FRONT_KEY, PAGE_KEY, SUMMARY_KEY
from dashboards.report.page import write_report
from tests.dashboards.report.html_page import page_of, strict_json, unpacked
from tests.support.fake_study import ARMS, MODULATIONS, OBJECTIVES, FakeArm, MakeStudy

EVIL = "<img src=x onerror=alert(1)> $x$ [red]"


def test_the_page_loads_nothing_from_elsewhere(written: Store) -> None:
    loading = {"src", "href", "srcset", "poster", "data", "action", "background"}
    for tag, attributes in page_of(written).tags:
        for name in loading & attributes.keys():
            assert (attributes[name] or "").startswith(("data:", "#")), (tag, name, attributes[name])
    css = written.get(PAGE_KEY).decode().partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in css
    assert "@import" not in css


def test_the_page_has_plotly_once_and_stays_small(make_study: MakeStudy) -> None:
    store = make_study(n_clips=4)
    write_report(store)
    html = store.get(PAGE_KEY)
    assert html.count(b"* plotly.js v") == 1
    assert len(html) < 12e6


def test_the_page_shows_question_arms_findings_and_sounds(written: Store) -> None:
    summary = strict_json(written.get(SUMMARY_KEY))
    page = page_of(written)
    for arm in ARMS:
        assert arm.name in page.text
    assert summary["question"] in page.text
    verdict = summary["verdict"]["sentence"]
    assert verdict.replace("`", "") in page.text
    for sentence in summary["findings"]:
        is_pick = sentence.startswith(("Most accurate", "Best ", "Knee "))
        assert sentence == verdict or is_pick or sentence in page.text
    for pick in ("Most accurate", "Knee of the front"):
        assert pick in page.text
    clips = page.explorer["clips"]
    assert len(clips) == 2
    for clip in clips:
        assert clip["target"]["audio"].startswith("data:audio/flac;base64,")
        assert clip["truth"].keys() == set(MODULATIONS)
        assert clip["arms"].keys() == {arm.name for arm in ARMS}
        assert all(arm["sound"] and arm["modulations"].keys() == set(MODULATIONS) for arm in clip["arms"].values())


def test_the_pages_numbers_are_the_summarys(written: Store) -> None:
    data = page_of(written).data
    drawn = {arm["name"]: arm for arm in data["arms"]}
    names = [metric["name"] for metric in data["metrics"]]
    for arm in strict_json(written.get(SUMMARY_KEY))["arms"]:
        on_page = drawn[arm["name"]]
        means = dict(zip(names, unpacked(on_page["means"], 3), strict=True))
        by_seed = dict(zip(names, unpacked(on_page["values"], len(on_page["seeds"])), strict=True))
        for name, metric in arm["metrics"].items():
            mean = means[name]
            assert mean == pytest.approx([metric["mean"], metric["lo"], metric["hi"]], rel=1e-6)
        for name, values in arm["values"].items():
            found = dict(zip(on_page["seeds"], by_seed[name], strict=True))
            assert {str(seed): value for seed, value in found.items() if value is not None} == pytest.approx(
                values, rel=1e-6
            )


def test_the_scripts_get_every_metric_with_its_direction(written: Store) -> None:
    data = page_of(written).data
    assert (data["x"], data["y"]) == ("audio.mss", "interpretability.tv")
    directions = {metric["name"]: metric["direction"] for metric in data["metrics"]}
    assert directions["curves.pcc.lls3"] == "maximize"
    assert directions["interpretability.range"] == "neutral"
    assert data["learning"]["arms"].keys() == {arm.name for arm in ARMS}


@pytest.mark.parametrize(("objective", "other"), [(0, "interpretability.tv"), (1, "audio.mss")])
def test_a_study_with_one_objective_gets_a_second_axis(make_study: MakeStudy, objective: int, other: str) -> None:
    store = make_study(n_clips=0, objectives=(OBJECTIVES[objective],))
    write_report(store)
    data = page_of(store).data
    assert (data["x"], data["y"]) == (OBJECTIVES[objective].metric, other)


@pytest.mark.parametrize(
    ("modulations", "truth"),
    [
        (("tone", "level"), ("tone", "level")),
        (("tone", "level"), MODULATIONS),
        (("tone", "level"), ()),
        (("add", "sub", "env", "pan"), MODULATIONS),
    ],
)
def test_synths_with_any_modulations_have_complete_reports(
    make_study: MakeStudy, modulations: tuple[str, ...], truth: tuple[str, ...]
) -> None:
    arms = [replace(arm, is_white_box=modulations == truth) for arm in ARMS]
    store = make_study(arms, modulations=modulations, truth=truth, n_clips=1)
    results = write_report(store).results
    page, summary = page_of(store), strict_json(store.get(SUMMARY_KEY))
    recorded = {
        name for record in store.ledger() for name, value in record.metrics["test"].items() if value is not None
    }
    join_names = {metric["name"] for metric in page.data["metrics"]}
    assert recorded < set(results.metrics) == join_names == recorded | {"cost.train_s"}
    assert {name for arm in summary["arms"] for name in arm["metrics"]} == join_names
    assert page.explorer["modulations"] == list(dict.fromkeys((*modulations, *truth)))
    (clip,) = page.explorer["clips"]
    assert clip["truth"].keys() == set(truth)
    for arm in clip["arms"].values():
        assert {name for name, view in arm["modulations"].items() if view["raw"]} == set(modulations)
        assert {name for name, view in arm["modulations"].items() if view["lls3"]} == set(truth)
    for metric in results.metrics:
        assert metric in page.text


def test_a_metric_outside_the_catalogue_is_on_the_page(make_study: MakeStudy) -> None:
    store = make_study(ARMS[:2], seeds=1, n_clips=0)
    for record in list(store.ledger()):
        attempt = store.begin(record.digest)
        values = {**record.metrics["test"], "novel.metric": 1.25}
        attempt.commit(replace(record, attempt=attempt.name, metrics={"test": values}))
    write_report(store)
    page = page_of(store)
    assert "novel.metric" in page.text
    novel = next(metric for metric in page.data["metrics"] if metric["name"] == "novel.metric")
    assert (novel["label"], novel["group"], novel["direction"]) == ("novel.metric", "novel", "neutral")


def test_failures_and_skipped_sounds_are_listed_with_their_reason(make_study: MakeStudy) -> None:
    issue = DataIssue(source="bass/silent.wav", problem="silent: peak below -60 dBFS", skipped=True)
    arms = [replace(ARMS[0], outcomes={0: "diverged", 1: None}), *ARMS[1:]]
    store = make_study(arms, issues=(issue,), n_clips=1)
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
    assert write_report(store).results.front == ()
    assert "No arm can be picked: no trial has finished." in page_of(store).text
    assert store.get(FRONT_KEY).startswith(b"\x89PNG")


def test_names_are_never_markup(make_study: MakeStudy) -> None:
    arms = [
        FakeArm(name=EVIL, mss=1.0, tv=3.0, copied_from={0: EVIL}),
        FakeArm(name="</script><script>alert(2)</script>", mss=0.9, tv=4.0),
    ]
    store = make_study(arms, n_clips=1, question='<script src="http://evil.example/x.js"></script>{{ 7 * 7 }}')
    write_report(store)
    page = page_of(store)
    assert page.count("script") == 4
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert EVIL in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert {arm["name"] for arm in page.data["arms"]} == {arm.name for arm in arms}
