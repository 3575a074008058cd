"""Data of the arms for the scripts, of which the settings are a file that trains the arm again."""

from pathlib import Path

import pytest

from core.settings.loading import load_config
from core.settings.parameterizations import SplineConfig
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.palette import arm_styles
from dashboards.report.arm_data import arm_data, toml_line
from dashboards.report.front import front_axes
from dashboards.report.section import ReportData
from tests.support.fake_study import ARMS, FakeArm, MakeStudy, config_of

SPLINE = FakeArm(name="curved", mss=0.9, tv=3.0, parameterization=SplineConfig(n_segments=5, temperature=0.5))


@pytest.fixture
def data(make_study: MakeStudy) -> dict[str, object]:
    store = make_study([*ARMS, SPLINE], n_clips=0)
    results = load_results(store)
    report = ReportData(store=store, analysis=StudyAnalysis(results), styles=arm_styles(results.arms))
    return dict(arm_data(report, front_axes(results)))


def test_the_settings_of_an_arm_train_it_again(data: dict[str, list[dict[str, list[str]]]], tmp_path: Path) -> None:
    shared = data["shared_settings"]
    for arm, drawn in zip([*ARMS, SPLINE], data["arms"], strict=True):
        file = tmp_path / "arm.toml"
        file.write_text(
            "\n".join([f'preset = "{drawn["preset"]}"', *drawn["settings"], *map(str, shared)]), encoding="utf-8"
        )
        assert load_config(file, ["seed=1"]) == config_of(arm, 1)


def test_arms_belong_to_families(data: dict[str, list[dict[str, str]]]) -> None:
    families = {arm["name"]: arm["family"] for arm in data["arms"]}
    assert families["lpf-8"] == families["lpf-4"] == "low-pass"
    assert families["curved"] == "spline"
    assert families["constant"] == families["random-spline"] == "baselines"
    assert [family["name"] for family in data["families"]] == ["frame", "low-pass", "spline", "baselines"]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (True, "x = true"),
        (8.0, "x = 8.0"),
        (1e-05, "x = 1e-05"),
        ('say "é"', 'x = "say \\"é\\""'),
        ((1, 2), "x = [1, 2]"),
        ([{"a": 0.5}], 'x = [{ "a" = 0.5 }]'),
    ],
)
def test_a_setting_is_a_line_of_toml(value: object, line: str) -> None:
    assert toml_line("x", value) == [line]


def test_what_is_unset_has_no_line() -> None:
    assert toml_line("x", None) == []
