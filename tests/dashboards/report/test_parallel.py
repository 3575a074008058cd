"""Axes of settings for parallel coordinates."""

from dataclasses import replace
from typing import Any

from dashboards.analysis.arm_results import ArmResult
from dashboards.report.page import render_page
from dashboards.report.parallel import MAX_LABELS, MAX_SETTINGS, PARALLEL, setting_axes
from tests.dashboards.report.html_page import HtmlPage
from tests.dashboards.report.test_sections import report_data
from tests.support.fake_study import ARMS, MakeStudy


def arms_with(make_study: MakeStudy, *factors: dict[str, Any]) -> list[ArmResult]:
    arm = report_data(make_study, ARMS[:1], seeds=1, n_clips=0).results.arms[0]
    return [replace(arm, name=str(index), factors=each) for index, each in enumerate(factors)]


def test_numbers_words_and_absent_settings_have_their_axes(make_study: MakeStudy) -> None:
    arms = arms_with(make_study, {"lr": 0.001, "kind": "spline", "n": 4}, {"lr": 0.1, "kind": "frame"})
    lr, kind, n = setting_axes(arms)
    assert lr == {"label": "lr", "values": [0.001, 0.1], "log": True, "names": None}
    assert kind == {"label": "kind", "values": [0, 1], "log": False, "names": ["spline", "frame"]}
    assert n == {"label": "n", "values": [4, None], "log": False, "names": None}


def test_a_switch_is_no_number(make_study: MakeStudy) -> None:
    (axis,) = setting_axes(arms_with(make_study, {"chord": True}, {"chord": False}))
    assert axis["names"] == ["True", "False"]


def test_axes_with_too_many_words_and_too_many_axes_are_left_out(make_study: MakeStudy) -> None:
    words = [{"word": f"w{index}"} for index in range(MAX_LABELS + 1)]
    many = {f"s{index}": index for index in range(MAX_SETTINGS + 4)}
    arms = arms_with(make_study, *words, many)
    assert len(setting_axes(arms[-1:])) == MAX_SETTINGS
    assert setting_axes(arms[:-1]) == []


def test_the_lines_are_those_of_arms_that_can_be_on_the_front(make_study: MakeStudy) -> None:
    data = HtmlPage(render_page(report_data(make_study, n_clips=0), (PARALLEL,))).data["parallel"]
    assert data["arms"] == [arm.name for arm in ARMS if not arm.is_baseline]
    assert data["metrics"][:2] == ["audio.mss", "interpretability.tv"]
    assert all(len(axis["values"]) == len(data["arms"]) for axis in data["settings"])


def test_one_arm_has_no_such_section(make_study: MakeStudy) -> None:
    assert PARALLEL.context(report_data(make_study, ARMS[:1], n_clips=0)) is None
