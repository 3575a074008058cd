"""The built-in studies: their arms, seeds, baselines and synths."""

import pytest

from core.settings.data import AudioFolderConfig, RendersConfig
from core.settings.filters import LearnedFilterConfig, RbjFilterConfig
from core.settings.oscillators import FrozenWavetableConfig, LearnableWavetableConfig
from core.settings.parameterizations import LowPassConfig, SplineConfig, StillConfig
from core.settings.synths import EngelConfig, ModSynthConfig
from core.settings.trial import TrialConfig
from search_spaces.paths import Composer
from search_spaces.study_file import StudyFile
from search_spaces.study_parsing import built_in_studies, load_study


def configs(study: StudyFile, **overrides: object) -> dict[str, TrialConfig]:
    composer = Composer(study.base, {**study.shared(), **overrides})
    return {arm.name: composer.config(arm.settings) for arm in study.named_arms()}


def is_grey_box(config: TrialConfig) -> bool:
    return (
        isinstance(config.synth, ModSynthConfig)
        and isinstance(config.synth.oscillator, LearnableWavetableConfig)
        and isinstance(config.synth.filter, LearnedFilterConfig)
    )


def test_all_built_in_studies_can_be_read() -> None:
    assert set(built_in_studies()) >= {"quickstart", "grid", "vital", "own_sounds", "self_tuning"}
    for name in built_in_studies():
        assert load_study(name).name == name
        assert load_study(name).question.endswith("?")


def test_grid_is_exactly_the_ten_conditional_combinations() -> None:
    study = load_study("grid")
    assert [arm.name for arm in study.named_arms()] == [
        f"{synth} {curve}"
        for synth in ("mod_synth", "engel")
        for curve in ("frame", "lpf-4", "lpf-8", "spline-8", "spline-16")
    ]
    found = configs(study)
    assert len({(config.synth.kind, config.parameterization) for config in found.values()}) == 10
    assert all(is_grey_box(config) or isinstance(config.synth, EngelConfig) for config in found.values())


def test_quickstart_is_white_box_with_paired_seeds_and_two_baselines() -> None:
    study = load_study("quickstart")
    found = configs(study)
    assert study.seeds == tuple(range(9))
    assert list(found) == ["frame", "lpf-8", "lpf-4", "spline-8", "spline-16", "random-spline", "constant"]
    assert [name for name, config in found.items() if config.is_baseline] == ["random-spline", "constant"]
    assert found["lpf-4"].parameterization == LowPassConfig(cutoff_hz=4.0)
    assert found["spline-16"].parameterization == SplineConfig(n_segments=16)
    for config in found.values():
        assert isinstance(config.synth, ModSynthConfig)
        assert config.synth.oscillator == FrozenWavetableConfig(wavetable="data")
        assert isinstance(config.synth.filter, RbjFilterConfig)


def test_search_explores_four_cells_and_confirms_on_fresh_seeds() -> None:
    study = load_study("search")
    (search,) = study.searches()
    (confirm,) = study.confirmations()
    assert [cell.cell.name for cell in search.cells] == [
        f"{synth} {curve}" for synth in ("mod_synth", "engel") for curve in ("lpf", "spline")
    ]
    assert all(len(cell.cell.space.dimensions) == 2 for cell in search.cells)
    assert search.n_arms * len(search.seeds) + confirm.max_arms * len(study.seeds) >= 40
    assert not set(search.seeds) & set(study.seeds)
    for checked in search.cell_checks:
        assert checked.n_infeasible == 0
        for config in checked.configs:
            assert is_grey_box(config) or isinstance(config.synth, EngelConfig)


def test_own_sounds_is_grey_box_and_compares_with_still_and_random_curves() -> None:
    study = load_study("own_sounds")
    assert study.audience == "sound design"
    assert study.audio_by_folder is not None
    assert [(contrast.arm, contrast.reference) for contrast in study.contrasts] == [
        ("lpf-8", "constant"),
        ("lpf-8", "random-spline"),
        ("lpf-8", "frame"),
    ]
    found = configs(study, **{"data.folder": "sounds"})
    assert isinstance(found["constant"].parameterization, StillConfig)
    assert [name for name, config in found.items() if config.is_baseline] == ["random-spline"]
    for config in found.values():
        assert isinstance(config.data, AudioFolderConfig)
        assert config.data.folder == "sounds"
        assert is_grey_box(config)


def test_vital_compares_two_grey_boxes_each_with_a_random_baseline() -> None:
    found = configs(load_study("vital"), **{"data.folder": "renders"})
    assert [name for name, config in found.items() if config.is_baseline] == ["rbj random", "learned random"]
    filters = set()
    for config in found.values():
        assert isinstance(config.data, RendersConfig)
        assert isinstance(config.synth, ModSynthConfig)
        assert isinstance(config.synth.oscillator, LearnableWavetableConfig)
        filters.add(config.synth.filter.kind)
    assert filters == {"rbj", "learned"}


@pytest.mark.parametrize("name", ["any-sound", "lfo-rates", "paper-3", "vital"])
def test_a_study_of_folders_has_a_random_baseline_for_each(name: str) -> None:
    changes = {} if name in ("any-sound", "lfo-rates") else {"data.folder": "renders"}
    folders: dict[bool, set[str]] = {True: set(), False: set()}
    for config in configs(load_study(name), **changes).values():
        assert isinstance(config.data, AudioFolderConfig | RendersConfig)
        folders[config.is_baseline].add(config.data.folder)
    assert folders[True] == folders[False]
    assert not any(folder.startswith("/") for folder in folders[True])


@pytest.mark.parametrize("name", [name for name in built_in_studies() if load_study(name).contrasts])
def test_a_study_of_claims_has_at_most_six_contrasts_that_its_seeds_can_decide(name: str) -> None:
    study = load_study(name)
    assert len(study.contrasts) <= 6
    assert len(study.seeds) >= 8
    assert all(contrast.claim for contrast in study.contrasts)
