"""Tables for papers and other programs: every value is there, and no name breaks a format."""

import csv
import io
from dataclasses import replace

import pytest

from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.export_tables import arms_table, comparisons_table, rendered, tidy_csv
from tests.support.fake_study import ARMS, FakeArm, MakeStudy, without_clips

ODD_NAME = 'a|b & 50 % of $x_1$ \\ "{q}" <b> #~^'


@pytest.fixture
def make_study(make_study: MakeStudy) -> MakeStudy:
    return without_clips(make_study)


def analysis_of(make_study: MakeStudy, *arms: FakeArm, seeds: int = 2) -> StudyAnalysis:
    return StudyAnalysis(load_results(make_study(arms or ARMS, seeds=seeds)))


def test_the_table_has_a_row_per_arm_with_intervals(make_study: MakeStudy) -> None:
    analysis = analysis_of(make_study)
    rows = list(csv.DictReader(io.StringIO(rendered(arms_table(analysis), "csv"))))
    assert [row["arm"] for row in rows] == [arm.name for arm in ARMS]
    frame = analysis.results.arm("frame").metrics["audio.mss"]
    assert rows[0]["audio.mss"].startswith(f"{frame.mean:.3g}"[:4])
    assert "[" in rows[0]["audio.mss"]
    assert rows[0]["seeds"] == "2/2"


def test_comparisons_have_their_numbers_of_pairs(make_study: MakeStudy) -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(comparisons_table(analysis_of(make_study, seeds=6)), "csv"))))
    assert {row["pairs"] for row in rows} == {"6"}
    assert {row["role"] for row in rows} == {"confirmatory", "exploratory"}


def test_names_break_neither_latex_nor_markdown(make_study: MakeStudy) -> None:
    table = arms_table(
        analysis_of(make_study, FakeArm(name=ODD_NAME, mss=1.0, tv=1.0), FakeArm(name="b", mss=2.0, tv=2.0))
    )
    latex = rendered(table, "latex")
    row = next(line for line in latex.splitlines() if "50" in line)
    assert r"a\textbar{}b \& 50 \% of \$x\_1\$ \textbackslash{} " in row
    assert row.count(" & ") == len(table.columns) - 1
    markdown = rendered(table, "markdown")
    row = next(line for line in markdown.splitlines() if "50" in line)
    assert row.replace(r"\|", "").count("|") == len(table.columns) + 1
    assert r"\<b\>" in row


def test_latex_is_balanced(make_study: MakeStudy) -> None:
    latex = rendered(arms_table(analysis_of(make_study)), "latex")
    for command in ("table", "tabular"):
        assert latex.count(rf"\begin{{{command}}}") == latex.count(rf"\end{{{command}}}") == 1
    columns = latex.split(r"\begin{tabular}{")[1].split("}")[0]
    assert all(line.count(" & ") == len(columns) - 1 for line in latex.splitlines() if line.endswith(r"\\"))


def test_tidy_values_are_those_of_the_results(make_study: MakeStudy) -> None:
    results = load_results(make_study())
    rows = list(csv.DictReader(io.StringIO(tidy_csv(results).decode())))
    found = {(row["arm"], int(row["seed"]), row["metric"]): float(row["value"]) for row in rows if row["value"]}
    expected = {
        (arm.name, seed, metric): value
        for arm in results.arms
        for metric, by_seed in arm.values.items()
        for seed, value in by_seed.items()
    }
    assert found == pytest.approx(expected)
    assert {row["study"] for row in rows} == {"quickstart"}
    assert {row["parameterization.kind"] for row in rows if row["arm"] == "lpf-8"} == {"low_pass"}


def test_a_failed_trial_has_a_row_without_a_value(make_study: MakeStudy) -> None:
    arms = [replace(ARMS[0], outcomes={1: "diverged"}), *ARMS[1:]]
    rows = list(csv.DictReader(io.StringIO(tidy_csv(load_results(make_study(arms))).decode())))
    (row,) = (row for row in rows if row["outcome"] == "diverged")
    assert (row["arm"], row["seed"], row["metric"], row["value"]) == ("frame", "1", "", "")


def test_values_that_a_mean_leaves_out_are_counted_in_its_row(make_study: MakeStudy) -> None:
    rows = list(csv.DictReader(io.StringIO(tidy_csv(load_results(make_study())).decode())))
    found = {(row["arm"], row["metric"]): row["n_undefined"] for row in rows}
    assert found["constant", "interpretability.tv"] == "384"
    assert found["frame", "interpretability.tv"] == "0"
    assert found["frame", "interpretability.tv.add"] == "", "counted over the modulations together"
