"""Exports: text of a study is no formula in a spreadsheet, no command in LaTeX or to a terminal, no markup."""

import csv
import io
import re
import unicodedata
from pathlib import Path
from typing import get_args

import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from core.storage.records import DataIssue
from core.visible_text import from_cell, visible, with_visible_text, without_formula
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.export_tables import TableFormat, TextTable, arms_table, rendered, tidy_csv
from dashboards.report.description import escaped
from study.safe_console import SafeConsole
from tests.support.command_line import Command
from tests.support.fake_study import FakeArm, fake_study

FORMULAS = (
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", " =1+1", "\n=1+1", "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://x.invalid","a")', "=1+1,=2+2", '"=1+1"'[1:], "\u00a0=1+1", "\uff1d1+1", "-", "+", "@", "=",
    "@import", "-2+3+cmd|' /C calc'!A0", "=IMPORTXML(CONCAT(1))", "+\t1", "-1;=2", "%0A-3"[3:] + "x",
)  # fmt: skip
HARMLESS = ("frame", "lpf-8", "-0.5", "+3", "1e-3", "-inf", "", "a=1", "1+1", "0x1", "- "[1:], "spline 8 + 16")
TERMINAL = {
    "colour": "\x1b[31mred",
    "title": "\x1b]0;owned\x07",
    "clear": "\x1b[2J\x1b[H",
    "C1 control": "\x9b31m",
    "backspace": "safe\x08\x08\x08\x08evil",
    "carriage return": "all well\rfailed!",
    "link": "\x1b]8;;http://x.invalid\x1b\\click\x1b]8;;\x1b\\",
    "right to left": "abc\u202egnp.exe",
    "isolate": "\u2066abc\u2069",
    "mark": "\u200fabc",
    "null": "a\x00b",
    "delete": "a\x7fb",
    "line separator": "a\u2028b",
    "byte order mark": "\ufeffabc",
}
LATEX = {
    r"\input{/etc/passwd}": r"\textbackslash{}input\{/etc/passwd\}",
    "a & b": r"a \& b",
    "100 %": r"100 \%",
    "$x^2$": r"\$x\textasciicircum{}2\$",
    "a_b#c": r"a\_b\#c",
    "a~b|c<d>": r"a\textasciitilde{}b\textbar{}c\textless{}d\textgreater{}",
    "a\n\nb": "a b",
    "\x1b[31m": r"\textbackslash{}x1b[31m",
}
MARKDOWN = {
    "a|b": r"a\|b",
    "<img src=x onerror=alert(1)>": r"\<img src=x onerror=alert(1)\>",
    "[a](javascript:alert(1))": r"\[a\](javascript:alert(1))",
    "![a](http://x.invalid/a.png)": r"!\[a\](http://x.invalid/a.png)",
    "`a` *b* _c_ ~d~": r"\`a\` \*b\* \_c\_ \~d\~",
    "&lt;script&gt;": r"\&lt;script\&gt;",
    "a\n# b": r"a \# b",
    "$x$": r"\$x\$",
    "a\n\n| b | c |": r"a \| b \| c \|",
}


def table(cell: str) -> TextTable:
    return TextTable(caption=cell, columns=("arm", "value"), rows=((cell, "0.5"),), n_text=1)


@pytest.mark.parametrize("text", FORMULAS, ids=repr)
def test_a_formula_is_text_in_csv(text: str) -> None:
    rows = list(csv.reader(io.StringIO(rendered(table(text), "csv"), newline="")))
    assert rows[1] == ["\\r=1+1" if text == "\r=1+1" else f"'{text}", "0.5"]


@pytest.mark.parametrize("text", HARMLESS, ids=repr)
def test_other_text_is_left_alone_in_csv(text: str) -> None:
    assert without_formula(text) == text


@given(st.text(max_size=20))
def test_no_cell_begins_as_a_formula(text: str) -> None:
    found = without_formula(text)
    assert found.removeprefix("'") == text.removeprefix("'") or found == f"'{text}"
    if found.lstrip()[:1] in ("=", "+", "-", "@"):
        float(found)


@pytest.mark.parametrize("text", [*FORMULAS, *HARMLESS], ids=repr)
def test_a_cell_is_read_back(text: str) -> None:
    assert from_cell(without_formula(text)) == text
    assert from_cell(f"'{text}") == (text if text in FORMULAS else f"'{text}")


def test_all_texts_of_the_values_of_a_study_are_text(tmp_path: Path) -> None:
    arms = [FakeArm(name=name, mss=1.0 + index, tv=2.0) for index, name in enumerate(FORMULAS)]
    table = pyarrow.csv.read_csv(
        io.BytesIO(tidy_csv(load_results(fake_study(tmp_path / "=study", arms, seeds=1, n_clips=0)))),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
    )
    assert table["study"].unique().to_pylist() == ["'=study"]
    assert set(table["arm"].unique().to_pylist()) == {f"'{name}" for name in FORMULAS}
    assert table["value"].type == "double"


@pytest.mark.parametrize("text", LATEX, ids=repr)
def test_latex_shows_text_as_it_is(text: str) -> None:
    assert f"\n{LATEX[text]} & 0.5 \\\\\n" in rendered(table(text), "latex")


@pytest.mark.parametrize("text", ["[9cm] a", "*", " [1] b"])
def test_a_row_of_latex_is_no_argument_of_the_row_above(text: str) -> None:
    assert f"\n{{}}{text.strip()} & 0.5" in rendered(table(text), "latex")


@pytest.mark.parametrize("text", MARKDOWN, ids=repr)
def test_markdown_shows_text_as_it_is(text: str) -> None:
    assert f"\n| {MARKDOWN[text]} | 0.5 |\n" in rendered(table(text), "markdown")


@pytest.mark.parametrize("text", MARKDOWN, ids=repr)
def test_the_description_for_the_tracker_has_no_markup_of_the_study(text: str) -> None:
    found = escaped(text)
    assert not re.search(r"[<>|`*_\[\]~\\\n]", found), found


@pytest.mark.parametrize("what", TERMINAL)
@pytest.mark.parametrize("form", ["csv", "latex", "markdown"])
def test_an_exported_table_cannot_steer_a_terminal(what: str, form: TableFormat) -> None:
    text = rendered(table(TERMINAL[what]), form)
    assert visible(text) == text


@pytest.mark.parametrize("what", TERMINAL)
def test_what_is_printed_cannot_steer_a_terminal(what: str) -> None:
    text = TERMINAL[what]
    output = io.StringIO()
    console = SafeConsole(file=output, width=300)
    rows = Table("arm", text)
    rows.add_row(text, Text(text))
    for printed in (escape(text), Text(text), rows):
        console.print(printed)
    console.print(text, markup=False, soft_wrap=True)
    found = output.getvalue()
    assert visible(found) == found
    # rich leaves out some of the characters by itself.
    assert visible(text) in found or set(text) & set("\x07\x08\r\\")


def test_styles_of_the_program_still_reach_the_terminal() -> None:
    output = io.StringIO()
    SafeConsole(file=output, force_terminal=True, width=80).print("[red]error:[/] \x1b[2J")
    assert output.getvalue().startswith("\x1b[31merror:\x1b[0m")
    assert "\x1b[2J" not in output.getvalue()


@pytest.mark.parametrize("command", [("status", "quickstart"), ("report", "quickstart"), ("list",), ("curves",)])
@pytest.mark.parametrize("what", ["colour", "title", "right to left", "C1 control"])
def test_a_command_on_a_hostile_study_cannot_steer_a_terminal(
    modstudy: Command, tmp_path: Path, command: tuple[str, ...], what: str
) -> None:
    text = TERMINAL[what]
    arms = [FakeArm(name=f"a {text}", mss=1.0, tv=2.0), FakeArm(name="b", mss=2.0, tv=1.0, outcomes={0: "failed"})]
    fake_study(
        tmp_path / "runs" / "quickstart", arms, n_clips=1, question=text,
        issues=(DataIssue(source=text, problem=text, skipped=True),),
    )  # fmt: skip
    result = modstudy(*command)
    assert result.exit_code == 0, result.output
    assert visible(result.output) == result.output


@pytest.mark.parametrize("what", TERMINAL)
def test_the_tables_of_a_hostile_study_are_made(tmp_path: Path, what: str) -> None:
    arms = [FakeArm(name=TERMINAL[what], mss=1.0, tv=2.0), FakeArm(name="b", mss=2.0, tv=1.0)]
    analysis = StudyAnalysis(load_results(fake_study(tmp_path / "s", arms, n_clips=0)))
    for form in get_args(TableFormat):
        text = rendered(arms_table(analysis), form)
        assert visible(text) == text
        assert text.count("2/2") == 2


@given(st.text(max_size=50))
def test_visible_text_has_no_control_characters_and_stays_as_it_is(text: str) -> None:
    found = visible(text)
    assert not any(unicodedata.category(character) == "Cc" for character in found if character not in "\t\n")
    assert visible(found) == found
    assert with_visible_text({text: [text, 1, None]}) == {found: [found, 1, None]}
