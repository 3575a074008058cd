"""The front as a picture."""

import io
from dataclasses import replace

import pytest
from matplotlib.image import imread

from core.storage.store import Store
from dashboards.analysis.study_results import load_results
from dashboards.figures import front_png
from dashboards.formatting import axis
from dashboards.palette import arm_styles
from tests.support.fake_study import ARMS, FakeArm, MakeStudy, without_clips


@pytest.fixture
def make_study(make_study: MakeStudy) -> MakeStudy:
    return without_clips(make_study)


def size(store: Store, x: str = "audio.mss", y: str = "interpretability.tv") -> tuple[int, int]:
    """Width and height in pixels."""
    results = load_results(store)
    png = front_png(results, axis(x, results.objectives), axis(y, results.objectives), arm_styles(results.arms))
    height, width, _ = imread(io.BytesIO(png)).shape
    return width, height


def test_the_picture_is_readable_also_with_many_arms(make_study: MakeStudy) -> None:
    arms = [FakeArm(name=f"arm-{i}", mss=1 + i % 7, tv=3.0 + i % 5) for i in range(40)]
    width, height = size(make_study(arms, seeds=1))
    assert width >= 1000
    assert height >= 600


def test_far_baselines_add_a_panel(make_study: MakeStudy) -> None:
    assert size(make_study())[0] > size(make_study(ARMS[:5], name="trained"))[0]


def test_a_study_without_records_and_a_neutral_axis_are_drawn(make_study: MakeStudy) -> None:
    nothing = make_study([replace(arm, outcomes={0: None, 1: None}) for arm in ARMS])
    assert min(size(nothing)) > 0
    assert min(size(make_study(name="neutral"), y="interpretability.range")) > 0


def test_a_name_with_characters_that_the_font_lacks_is_drawn(make_study: MakeStudy) -> None:
    results = load_results(make_study([FakeArm(name="🎛️ knob", mss=0.5, tv=2.0), *ARMS], n_clips=0))
    x, y = (axis(name, results.objectives) for name in ("audio.mss", "interpretability.tv"))
    assert front_png(results, x, y, arm_styles(results.arms)).startswith(b"\x89PNG")
