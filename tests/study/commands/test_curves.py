"""`modstudy curves`: the worst curves of studies as a table, CSV or JSON, and mistakes in what is asked for."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from core.storage.store import Store
from dashboards.report.audio_gallery import AUDIO_GALLERY
from study.commands.curves import REPORT_SECTION
from study.commands.options import BAD_INPUT, OK
from tests.support.command_line import Command, flat
from tests.support.curve_study import curve_study, trial_curves

RAMP = np.linspace(0.0, 1.0, 11)[None]


@pytest.fixture(autouse=True)
def runs(tmp_path: Path) -> Path:
    """Two studies: in `first` the arm `reversed` is wrong in `add`, and a baseline in everything."""
    exact, wrong = (RAMP, RAMP), (RAMP, 1 - RAMP)
    curves = {
        ("exact", 0): trial_curves({"add": exact, "env": exact}, [0.5]),
        ("reversed", 0): trial_curves({"add": wrong, "env": (RAMP, 0.9 * RAMP)}, [0.7]),
        ("random", 0): trial_curves({"add": wrong, "env": wrong}, [2.0]),
    }
    curve_study(Store(tmp_path / "runs" / "first"), "first", curves, baselines=["random"])
    unknown = trial_curves({"add": (None, RAMP)}, [0.3])
    curve_study(Store(tmp_path / "runs" / "second"), "second", {("exact", 1): unknown})
    return tmp_path / "runs"


def test_the_worst_curves_are_shown_with_where_they_are(modstudy: Command) -> None:
    result = modstudy("curves", "first", "--worst", "2")
    text = flat(result)
    assert result.exit_code == OK
    assert "curves.l1, largest values first: 2 of 4 curves" in text
    assert text.index("│ reversed │ 0 │ clip-0 │ add │ 0.5455 │ 0.00 s │") < text.index("│ env │ 0.05 │ 0.10 s │")
    assert "Baselines are left out; --baselines ranks them as well." in text
    assert "Curves of first: runs/first/trials/TRIAL/curves.arrow; report: runs/first/report/index.html#listen" in text


def test_the_section_of_the_report_exists() -> None:
    assert AUDIO_GALLERY.id == REPORT_SECTION


def test_json_leads_to_the_row_of_a_curve_file(modstudy: Command, runs: Path) -> None:
    found = json.loads(modstudy("curves", "--baselines", "--format", "json").output)
    assert (found["metric"], found["n_ranked"], found["n_undefined"]) == ("curves.l1", 6, 1)
    assert [row["arm"] for row in found["rows"][:3]] == ["reversed", "random", "random"]
    worst = found["rows"][0]
    assert (worst["study"], worst["modulation"], worst["row"]) == ("first", "add", 0)
    assert worst["curves.l1"] == pytest.approx(6 / 11)
    assert worst["file"] == f"runs/first/trials/{worst['trial']}/curves.arrow"
    assert (runs.parent / worst["file"]).is_file()


def test_csv_has_a_line_per_clip_for_the_sound(modstudy: Command) -> None:
    lines = list(csv.DictReader(io.StringIO(modstudy("curves", "--by", "mss", "--format", "csv").output)))
    assert [(line["study"], line["arm"], round(float(line["audio.mss"]), 3)) for line in lines] == [
        ("first", "reversed", 0.7),
        ("first", "exact", 0.5),
        ("second", "exact", 0.3),
    ]


def test_means_of_groups_say_which_arm_and_modulation(modstudy: Command) -> None:
    text = flat(modstudy("curves", "first", "--group", "arm", "--group", "modulation", "--worst", "1"))
    assert "curves.l1, largest values first: 1 of 4 groups" in text
    assert "│ reversed │ add │ 0.5455 │ 1 │ 0 │" in text


def test_an_arm_that_is_asked_for_is_ranked_even_if_it_is_a_baseline(modstudy: Command) -> None:
    text = flat(modstudy("curves", "first", "--arm", "random", "--modulation", "env", "--seed", "0"))
    assert "1 of 1 curves" in text
    assert "Baselines are left out" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none",), "there is no study 'none'; studies under runs: first, second"),
        (("first", "--arm", "revresed"), "there is no arm 'revresed'; did you mean reversed?"),
        (("first", "--seed", "3"), "there is no seed '3'; seeds: 0"),
        (("first", "--clip", "7"), "there is no clip '7'; clips: clip-0"),
        (("first", "--modulation", "sub"), "there is no modulation 'sub'; modulations: add, env"),
        (("first", "--by", "loudness"), "curves can be ranked by mss, l1,"),
        (("first", "--group", "colour"), "curves are grouped by study, arm, seed, clip_id, modulation; got 'colour'"),
        (("second",), "curves.l1 is undefined for all 1 curves of 1 trials"),
        (("--root", "nowhere"), "there is no study under nowhere"),
    ],
)
def test_what_is_not_there_is_one_clear_line(modstudy: Command, arguments: tuple[str, ...], message: str) -> None:
    result = modstudy("curves", *arguments)
    assert result.exit_code == BAD_INPUT
    assert message in flat(result)


def test_a_study_without_finished_trials_says_so(modstudy: Command, runs: Path) -> None:
    curve_study(Store(runs / "new"), "new", {})
    result = modstudy("curves", "new")
    assert result.exit_code == BAD_INPUT
    assert "none of these trials has curves yet" in flat(result)


def test_an_expression_chooses_which_curves_are_ranked(modstudy: Command) -> None:
    text = flat(modstudy("curves", "--where", "study = 'first' and arm = 'reversed' and modulation like 'a%'"))
    assert "1 of 1 curves" in text
    nothing = modstudy("curves", "--where", "arm = 'reverse'")
    assert nothing.exit_code == BAD_INPUT
    assert "--where is true for none of the curves" in flat(nothing)
    wrong = modstudy("curves", "--where", "arms = 'reversed'")
    assert wrong.exit_code == BAD_INPUT
    assert "there is no column 'arms'; did you mean arm?" in flat(wrong)


def test_the_curves_themselves_are_written_to_a_folder(modstudy: Command, tmp_path: Path) -> None:
    result = modstudy("curves", "first", "--where", "arm = 'exact'", "--out", "out")
    assert result.exit_code == OK, result.output
    assert "1 file: out" in flat(result)
    assert "Baselines are left out; --baselines writes them as well." in flat(result)
    (path,) = (tmp_path / "out").iterdir()
    assert path.name == "exact-seed0-clip-0.csv"
    assert path.read_text().startswith("time_s,add,add.target,env,env.target\n")


def test_formats_of_files_are_written_to_a_folder_of_their_own(modstudy: Command, tmp_path: Path) -> None:
    assert modstudy("curves", "first", "--format", "wav", "--arm", "exact").exit_code == OK
    names = ["exact-seed0-clip-0-add.wav", "exact-seed0-clip-0-env.wav"]
    assert sorted(path.name for path in (tmp_path / "first-curves").iterdir()) == names
    result = modstudy("curves", "--format", "vitallfo")
    assert result.exit_code == OK
    assert "The shapes deviate from the curves by at most 0.0" in flat(result)
    assert (tmp_path / "all-curves" / "second-exact-seed1-clip-0-add.vitallfo").is_file()


def test_a_ranking_and_files_are_not_asked_for_at_once(modstudy: Command) -> None:
    for arguments in (("--by", "pcc"), ("--worst", "3"), ("--group", "arm")):
        result = modstudy("curves", *arguments, "--out", "out")
        assert result.exit_code == BAD_INPUT
        assert "--by, --worst and --group rank curves, and --out writes them" in flat(result)
    result = modstudy("curves", "--format", "json", "--out", "out")
    assert result.exit_code == BAD_INPUT
    assert "--format json is a form of the ranking" in flat(result)


def test_a_ranking_as_csv_says_where_the_curves_are_if_they_could_be_meant(modstudy: Command) -> None:
    result = modstudy("curves", "--format", "csv", "--where", "arm = 'exact'")
    assert result.exit_code == OK
    assert "This is the ranking of the curves; --out DIR writes the curves themselves." in flat(result)
    assert "study,arm,seed,clip_id" in result.stdout
