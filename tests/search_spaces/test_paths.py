"""Dotted paths of the config types, and the composition of layers of settings."""

from typing import Any

import pytest

from core.errors import ConfigError
from core.settings.loading import flat_config
from core.settings.parameterizations import FrameConfig, LowPassConfig, SplineConfig
from core.settings.presets import PAPER, SMALL
from search_spaces.paths import Composer, check_known, describe_branches, has_path, known_paths, takes_integers
from tests.support.configs import configured


@pytest.mark.parametrize("synth", ["mod_synth", "engel"])
@pytest.mark.parametrize("parameterization", ["frame", "spline"])
def test_every_path_of_a_config_is_known(synth: str, parameterization: str) -> None:
    config = configured(f"synth.kind={synth}", f"parameterization.kind={parameterization}")
    for path in flat_config(config):
        check_known(path)
        assert has_path(config, path)


def test_paths_of_parts_and_kinds_are_known() -> None:
    assert {"synth", "synth.kind", "synth.oscillator", "encoder", "encoder.width", "loss.kind"} <= set(known_paths())
    assert "encoder.kind" not in known_paths()


def test_path_that_needs_a_kind_is_had_only_with_it() -> None:
    assert not has_path(configured("parameterization.kind=frame"), "parameterization.degree")
    assert has_path(configured("parameterization.kind=spline"), "parameterization.degree")
    assert not has_path(configured(), "encoder.width.more")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("encoder.widht", r"unknown setting encoder\.widht; did you mean encoder\.width\?"),
        ("signal.hop_length", r"did you mean audio\.hop_length\?"),
        ("completely.different", "`modstudy catalog` lists every setting"),
    ],
)
def test_unknown_paths_are_refused_with_a_near_one(path: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_known(path)


def test_branches_are_described_in_words() -> None:
    assert describe_branches("parameterization.degree") == (
        "parameterization.kind = spline or gated_spline or projected_spline or random_spline"
    )
    assert describe_branches("synth.oscillator.n_positions") == (
        "synth.kind = mod_synth and synth.oscillator.kind = learnable"
    )


def test_own_settings_replace_shared_ones_which_replace_the_preset() -> None:
    shared = {"encoder.width": 8, "encoder.n_mels": 64, "parameterization.degree": 2}
    config = Composer(SMALL, shared).config({"encoder.width": 4, "parameterization.kind": "spline"})
    assert (config.encoder.width, config.encoder.n_mels) == (4, 64)
    assert config.parameterization == SplineConfig(n_segments=8, degree=2)
    assert Composer(PAPER, {}).config({}) == PAPER.config


def test_shared_settings_that_an_arm_lacks_are_left_out() -> None:
    shared = {"parameterization.degree": 2, "encoder.width": 8}
    own = {"parameterization.kind": "frame", "encoder.width": 4}
    composer = Composer(SMALL, shared)
    assert composer.config(own).parameterization == FrameConfig()
    assert composer.applied(own) == frozenset()
    assert composer.applied({"parameterization.kind": "spline"}) == set(shared)


def test_composing_many_arms_gives_what_composing_each_alone_gives() -> None:
    shared = {"parameterization.degree": 2, "encoder.width": 8, "synth.kind": "engel"}
    arms: list[dict[str, Any]] = [
        {"parameterization.kind": "spline", "parameterization.n_segments": 4},
        {"parameterization.kind": "spline", "parameterization.n_segments": 5},
        {"parameterization.kind": "frame"},
        {"parameterization.kind": "low_pass", "parameterization.cutoff_hz": 4},
        {"parameterization.kind": "low_pass", "parameterization.cutoff_hz": 4.5},
        {"synth.kind": "mod_synth", "encoder.width": 3},
        {"synth.kind": "mod_synth", "synth.oscillator.kind": "learnable"},
        {"encoder.width": 5},
    ]
    composer = Composer(SMALL, shared)
    for own in (*arms, *reversed(arms)):
        assert composer.config(own) == Composer(SMALL, shared).config(own)
    assert composer.config(arms[4]).parameterization == LowPassConfig(cutoff_hz=4.5)


def test_whole_numbers_are_told_from_real_ones_by_the_type_of_the_setting() -> None:
    assert takes_integers("encoder.width")
    assert takes_integers("parameterization.degree")
    assert not takes_integers("optimizer.lr")
    assert not takes_integers("encoder.precision")
    assert not takes_integers("parameterization.chord_curriculum")
    assert not takes_integers("encoder")


def test_own_settings_must_exist() -> None:
    with pytest.raises(ConfigError, match="unknown setting parameterization.degree"):
        Composer(SMALL, {}).config({"parameterization.kind": "frame", "parameterization.degree": 2})
    with pytest.raises(ConfigError, match="unknown setting encoder.widht"):
        Composer(SMALL, {"encoder.widht": 2})
