"""Reports of odd studies tell the truth, and names never become markup or code."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.storage.store import Store
from dashboards.report.keys import PAGE_KEY, RESULTS_KEY, SUMMARY_KEY
from dashboards.report.page import write_report
from tests.dashboards.report.html_page import HtmlPage
from tests.support.fake_study import ARMS, FakeArm, fake_study

MAKE: dict[str, tuple[Callable[[Path], Store], str]] = {
    "one arm": (
        lambda root: fake_study(root, ARMS[:1], seeds=8, n_clips=1),
        "Pick frame",
    ),
    "one seed": (
        lambda root: fake_study(root, ARMS, seeds=1, n_clips=1),
        "One seed cannot decide",
    ),
    "no finished trial": (
        lambda root: fake_study(root, [replace(arm, outcomes={0: "diverged", 1: "failed"}) for arm in ARMS], n_clips=1),
        "No arm can be picked: no trial has finished",
    ),
    "nothing recorded": (
        lambda root: fake_study(root, [replace(arm, outcomes={0: None, 1: None}) for arm in ARMS], n_clips=1),
        "No arm can be picked: no trial has finished",
    ),
    "all static": (
        lambda root: fake_study(root, [replace(arm, range=0.01, tv=None) for arm in ARMS[:3]], n_clips=1),
        "No arm can be picked: the curves of frame, lpf-8 and lpf-4 hardly move",
    ),
    "only baselines": (
        lambda root: fake_study(root, ARMS[-2:], n_clips=1),
        "No arm can be picked: all arms are baselines",
    ),
    "one modulation": (
        lambda root: fake_study(root, ARMS, seeds=8, n_clips=1, modulations=("env",), truth=("env",)),
        "Pick frame",
    ),
    "no truth": (
        lambda root: fake_study(root, ARMS, seeds=8, n_clips=1, truth=()),
        "Pick frame",
    ),
    "one seed of an arm failed": (
        lambda root: fake_study(root, [replace(ARMS[0], outcomes={3: "nan"}), *ARMS[1:]], seeds=8, n_clips=1),
        "Pick frame",
    ),
}


@pytest.mark.parametrize(("make", "verdict"), MAKE.values(), ids=list(MAKE))
def test_the_verdict_of_an_odd_study_is_true(make: Callable[[Path], Store], verdict: str, tmp_path: Path) -> None:
    store = make(tmp_path / "odd")
    write_report(store)
    page = HtmlPage(store.get(PAGE_KEY).decode())
    assert verdict in " ".join(page.text.split())
    assert store.get(RESULTS_KEY)
    assert verdict in store.get(SUMMARY_KEY).decode()


NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    'it\'s "quoted" & `ticked`',
    "</script><script>alert(2)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "🎛️ wobble \u202eright-to-left",
    "n" * 100,
    "[red]bold[/] **md** | pipe",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_shown_as_they_are_and_never_run(name: str, tmp_path: Path) -> None:
    arms = [FakeArm(name=name, mss=1.0, tv=2.0), FakeArm(name="other", mss=2.0, tv=1.0)]
    store = fake_study(tmp_path / "odd", arms, n_clips=1, question=f"Is {name} best?")
    plain = fake_study(tmp_path / "plain", [replace(arms[0], name="plain"), arms[1]], n_clips=1)
    write_report(store)
    write_report(plain)
    found, expected = (HtmlPage(each.get(PAGE_KEY).decode()) for each in (store, plain))
    assert name in found.text
    assert tags(store) == tags(plain)
    assert found.section_ids == expected.section_ids


def tags(store: Store) -> dict[str, int]:
    """How often each tag, and each attribute that runs code or loads something, begins on a page."""
    from html.parser import HTMLParser

    counts: dict[str, int] = {}

    class Counting(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
            for label in (tag, *(key for key, _ in attrs if key.startswith("on"))):
                counts[label] = counts.get(label, 0) + 1

    Counting().feed(store.get(PAGE_KEY).decode())
    return counts
