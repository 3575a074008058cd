"""Every number in a config or a study file has two finite bounds, and every text, list and table a largest length."""

import pytest

from core.settings.presets import PRESETS
from core.settings.trial import TrialConfig
from search_spaces.study_file import StudyFile
from search_spaces.study_parsing import BUILT_IN, built_in_studies, load_study
from tests.support.bounds import SIZED, Leaf, leaves

LEAVES = [*leaves(TrialConfig), *leaves(StudyFile)]


def test_all_classes_are_walked() -> None:
    places = {leaf.place for leaf in LEAVES}
    assert {
        "Resolution.n_fft",
        "EncoderConfig.dilations[]",
        "EngelConfig.n_harmonics",
        "TpeSamplerConfig.seed",
    } < places
    assert {"StudyFile.seeds[]", "StudyFile.margins[]", "AshaConfig.reduction_factor", "ResourcesEntry.gpus"} < places


@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES if leaf.type in (int, float)], ids=lambda leaf: leaf.place)
def test_a_number_has_two_finite_bounds(leaf: Leaf) -> None:
    assert leaf.bounds.are_finite
    assert leaf.bounds.low < leaf.bounds.high


@pytest.mark.parametrize(
    "leaf", [leaf for leaf in LEAVES if leaf.type not in (int, float)], ids=lambda leaf: leaf.place
)
def test_what_has_a_length_has_a_largest_one(leaf: Leaf) -> None:
    assert leaf.type in SIZED or leaf.type.__origin__ in SIZED
    assert leaf.max_length is not None


def test_the_bounds_admit_what_is_built_in() -> None:
    for name in built_in_studies():
        assert load_study(name).name == (BUILT_IN / f"{name}.toml").stem
    assert PRESETS
