"""The page in a real browser: it runs without an error, and its fronts and label places are those of Python."""

import html
import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from core.storage.store import Store
from dashboards.analysis.study_results import front_arms, load_results
from dashboards.formatting import axis
from dashboards.label_places import label_places
from dashboards.palette import arm_styles
from dashboards.report.keys import PAGE_KEY
from dashboards.report.page import write_report
from tests.support.fake_study import ARMS, FakeArm, MakeStudy

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
    "--virtual-time-budget=5000",
)  # fmt: skip


def browse(page: Path, profile: Path, *options: str, fragment: str = "") -> str:
    """Open a page with a new profile; fails on any message to the console."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here; .ci/run installs Debian's")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *options, page.as_uri() + fragment]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    return done.stdout


def page_path(store: Store) -> Path:
    return Path(store.root, PAGE_KEY)


def drawn_front(dom: str) -> set[str]:
    found = re.search(r'id="front-text"[^>]*data-front="([^"]*)"', dom)
    assert found is not None
    return set(json.loads(html.unescape(found.group(1))))


@pytest.mark.parametrize(
    ("x", "y"),
    [("audio.mss", "interpretability.tv"), ("curves.pcc.lls3", "audio.log_mel"), ("curves.l1", "curves.pcc.add")],
)
def test_the_pages_front_is_pythons(written: Store, tmp_path: Path, x: str, y: str) -> None:
    results = load_results(written)
    objectives = [objective for name in (x, y) if (objective := axis(name).objective)]
    dom = browse(page_path(written), tmp_path / "profile", "--dump-dom", fragment=f"#x={x}&y={y}")
    assert drawn_front(dom) == front_arms(results.arms, objectives)


def test_a_neutral_property_has_no_front(written: Store, tmp_path: Path) -> None:
    dom = browse(page_path(written), tmp_path / "profile", "--dump-dom", fragment="#x=interpretability.range")
    assert drawn_front(dom) == set()


def test_names_are_never_markup_in_the_browser_either(make_study: MakeStudy, tmp_path: Path) -> None:
    name = "<img src=x onerror=console.log(1)> $x^2$"
    store = make_study([FakeArm(name=name, mss=0.5, tv=2.0), *ARMS], n_clips=1)
    write_report(store)
    dom = browse(page_path(store), tmp_path / "profile", "--dump-dom")
    assert name in drawn_front(dom)
    assert "<img src=x" not in dom.lower()


@pytest.mark.parametrize(
    ("modulations", "truth"), [(("tone", "level"), ("add", "sub", "env")), (("add", "sub", "env", "pan"), ())]
)
def test_any_modulations_are_shown_without_an_error(
    make_study: MakeStudy, tmp_path: Path, modulations: tuple[str, ...], truth: tuple[str, ...]
) -> None:
    store = make_study(n_clips=1, modulations=modulations, truth=truth)
    results = write_report(store).results
    y = axis(f"interpretability.tv.{modulations[-1]}")
    dom = browse(page_path(store), tmp_path / "profile", "--dump-dom", fragment=f"#y={y.metric}")
    assert y.objective is not None
    assert drawn_front(dom) == front_arms(results.arms, [results.objectives[0], y.objective])


def test_labels_go_where_python_puts_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = (400.0, 120.0)
    plots = [
        [((float(x), float(y)), "arm " + "x" * int(n) if n else None) for x, y, n in zip(*columns, strict=True)]
        for columns in zip(
            rng.uniform(0, 400, (20, 15)), rng.uniform(0, 120, (20, 15)), rng.integers(0, 12, (20, 15)), strict=True
        )
    ]
    expected = [
        label_places([mark for mark, _ in plot], [label for _, label in plot], frame, font_size=12.5, gap=8.5)
        for plot in plots
    ]
    assert len({place for places in expected for place in places}) == 9  # every place, and none
    rule = (files("dashboards") / "templates" / "label_places.js").read_text(encoding="utf-8")
    call = f"""
        const places = {json.dumps(plots)}.map((plot) =>
            labelPlaces(plot.map((each) => each[0]), plot.map((each) => each[1]), {json.dumps(frame)}, 12.5, 8.5));
        document.body.textContent = JSON.stringify(places);
    """
    page = tmp_path / "labels.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><body><script>{rule}{call}</script></body>", encoding="utf-8")
    dom = browse(page, tmp_path / "profile", "--dump-dom")
    found = json.loads(dom.partition("<body>")[2].partition("</body>")[0])
    assert found == [[None if place is None else list(place) for place in places] for places in expected]


def test_the_page_is_drawn(written: Store, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    browse(page_path(written), tmp_path / "profile", "--window-size=1280,1700", f"--screenshot={picture}")
    pixels = imread(picture)
    assert pixels.shape[:2] == (1700, 1280)
    front = pixels[600:1700, 80:1200, :3]
    styles = arm_styles(load_results(written).arms)
    for name in ("frame", "lpf-8"):
        colour = [int(styles[name].colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        assert (abs(front - colour).max(axis=2) < 0.02).sum() > 30
