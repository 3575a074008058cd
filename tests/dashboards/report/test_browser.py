"""The page in a real browser: it runs without an error, and its fronts are Python's."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from matplotlib.image import imread

from core.storage.store import Store
from dashboards.analysis.study_results import front_arms, load_results
from dashboards.formatting import axis
from dashboards.report.page import PAGE_KEY, write_report
from tests.dashboards.conftest import MakeStudy
from tests.support.fake_study import ARMS, FakeArm

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
    "--virtual-time-budget=5000",
)  # fmt: skip


def browse(store: Store, profile: Path, *options: str, fragment: str = "") -> str:
    """Open the page with a new profile; fails on any message to the console."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here; .ci/run installs Debian's")
    url = Path(store.root, PAGE_KEY).as_uri() + fragment
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *options, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    return done.stdout


def drawn_front(dom: str) -> set[str]:
    found = re.search(r'id="front-text"[^>]*data-front="([^"]*)"', dom)
    assert found is not None
    return set(json.loads(html.unescape(found.group(1))))


@pytest.mark.parametrize(
    ("x", "y"),
    [("audio.mss", "interpretability.tv"), ("curves.pcc.lls3", "audio.mel"), ("curves.l1", "curves.pcc.add")],
)
def test_the_pages_front_is_pythons(written: Store, tmp_path: Path, x: str, y: str) -> None:
    results = load_results(written)
    objectives = [objective for name in (x, y) if (objective := axis(name).objective)]
    dom = browse(written, tmp_path / "profile", "--dump-dom", fragment=f"#x={x}&y={y}")
    assert drawn_front(dom) == front_arms(results.arms, objectives)


def test_a_property_without_a_better_side_has_no_front(written: Store, tmp_path: Path) -> None:
    dom = browse(written, tmp_path / "profile", "--dump-dom", fragment="#x=interpretability.range")
    assert drawn_front(dom) == set()


def test_names_are_never_markup_in_the_browser_either(make_study: MakeStudy, tmp_path: Path) -> None:
    name = "<img src=x onerror=console.log(1)> $x^2$"
    store = make_study([FakeArm(name=name, mss=0.5, tv=2.0), *ARMS], n_clips=1)
    write_report(store)
    dom = browse(store, tmp_path / "profile", "--dump-dom")
    assert name in drawn_front(dom)
    assert "<img src=x" not in dom.lower()


def test_the_page_is_drawn(written: Store, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    browse(written, tmp_path / "profile", "--window-size=1280,1300", f"--screenshot={picture}")
    pixels = imread(picture)
    assert pixels.shape[:2] == (1300, 1280)
    front = pixels[750:1230, 80:1200, :3]
    # Okabe-Ito blue and vermilion, the marks of the first two arms.
    for colour in ([0x00, 0x72, 0xB2], [0xD5, 0x5E, 0x00]):
        assert (abs(front - [value / 255 for value in colour]).max(axis=2) < 0.02).sum() > 30
