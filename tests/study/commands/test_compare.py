"""`modstudy compare`: a table, three sentences and a page; mistakes are one line."""

from dataclasses import replace
from pathlib import Path

import pytest

from study.commands.options import BAD_INPUT, OK
from tests.support.command_line import Command, flat
from tests.support.fake_study import ARMS, fake_study


@pytest.fixture(autouse=True)
def runs(tmp_path: Path) -> Path:
    better = [replace(arm, mss=0.9 * arm.mss) for arm in ARMS[:5]]
    fake_study(tmp_path / "runs" / "before", n_clips=0, seeds=3)
    fake_study(tmp_path / "runs" / "after", better, n_clips=0, seeds=4)
    fake_study(tmp_path / "runs" / "third", ARMS[:2], n_clips=0)
    return tmp_path / "runs"


def test_two_studies_give_a_table_sentences_and_a_page(modstudy: Command, runs: Path) -> None:
    result = modstudy("compare", "before", "after")
    text = flat(result)
    assert result.exit_code == OK
    assert "after minus before: means over seeds" in text
    assert "frame same 3 0." in text
    assert "From before to after: 2 arms left out (random-spline, constant) and 1 seed added (3)." in text
    assert "5 arms of before and after match, 5 with the same config" in text
    assert "after is ahead." in text
    assert "Page: runs/comparisons/before-vs-after.html" in text
    page = (runs / "comparisons" / "before-vs-after.html").read_text()
    assert "after against before" in page
    assert modstudy("list", "--json").output.count('"name"') == 3


def test_more_studies_are_compared_with_the_first(modstudy: Command, runs: Path) -> None:
    text = flat(modstudy("compare", "before", "after", "third"))
    assert "From before to after" in text
    assert "From before to third" in text
    assert (runs / "comparisons" / "before-vs-after-vs-third.html").is_file()


@pytest.mark.parametrize(("name", "start"), [("a.html", b"<!doctype"), ("a.svg", b"<?xml"), ("a.png", b"\x89PNG")])
def test_out_names_a_page_or_a_figure(modstudy: Command, tmp_path: Path, name: str, start: bytes) -> None:
    out = tmp_path / "new" / name
    text = flat(modstudy("compare", "before", "third", "--out", out))
    assert out.read_bytes().startswith(start)
    assert f"{'Page' if name == 'a.html' else 'Figure'}: {out}" in text
    assert not (tmp_path / "runs" / "comparisons").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("before",), "a comparison needs two or more different studies; got before"),
        (("before", "before"), "a comparison needs two or more different studies; got before, before"),
        (("before", "none"), "there is no study 'none' under runs; studies there: after, before, third"),
        (("before", "after", "--out", "a.pdf"), "--out writes a file that ends in .html, .png, .svg; got a.pdf"),
    ],
)
def test_mistakes_are_one_line(modstudy: Command, arguments: tuple[str, ...], message: str) -> None:
    result = modstudy("compare", *arguments)
    assert result.exit_code == BAD_INPUT
    assert message in flat(result)
