"""Study files are read whole or refused with what is wrong in them; the built-in ones hold the arms they promise."""

import tomllib

import pytest

from core.errors import ConfigError
from search_spaces.paths import compose
from search_spaces.study_file import built_in_studies, load_study, parse_study

ARMS = 'question = "why?"\n[[arms]]\nname = "a"\nconfig = { encoder = { width = 8 } }\n'


def parsed(text):
    return parse_study({"name": "mine", **tomllib.loads(text)})


def configs(study, overrides=None):
    shared = {**study.shared(), **(overrides or {})}
    return {arm.name: compose(study.base, shared, arm.settings) for arm in study.named_arms(overrides)}


def test_the_grid_is_exactly_the_ten_conditional_combinations():
    study = load_study("grid")
    assert [arm.name for arm in study.named_arms()] == [
        f"{synth} {curve}"
        for synth in ("mod_synth", "engel")
        for curve in ("frame", "lpf-4", "lpf-8", "spline-8", "spline-16")
    ]
    found = configs(study)
    assert len({(config.synth.kind, config.parameterization) for config in found.values()}) == 10
    for config in found.values():
        if config.synth.kind == "mod_synth":
            assert (config.synth.oscillator.kind, config.synth.filter.kind) == ("learnable", "learned")


def test_quickstart_is_white_box_with_paired_seeds_and_two_baselines():
    study = load_study("quickstart")
    found = configs(study)
    assert study.seeds == (0, 1)
    assert list(found) == ["frame", "lpf-8", "lpf-4", "spline-8", "spline-16", "random-spline", "constant"]
    assert [name for name, config in found.items() if config.is_baseline] == ["random-spline", "constant"]
    assert found["lpf-4"].parameterization.cutoff_hz == 4.0
    assert found["spline-16"].parameterization.n_segments == 16
    for config in found.values():
        assert (config.synth.oscillator.kind, config.synth.oscillator.wavetable) == ("frozen", "data")
        assert config.synth.filter.kind == "rbj"


@pytest.mark.parametrize("name", ["vital", "own_sounds"])
def test_studies_of_given_sounds_are_grey_box_and_have_a_random_baseline(name):
    found = configs(load_study(name), {"data.folder": "sounds"})
    assert "random-spline" in found
    for config in found.values():
        assert config.data.folder == "sounds"
        assert (config.synth.oscillator.kind, config.synth.filter.kind) == ("learnable", "learned")


def test_all_built_in_studies_can_be_read():
    assert set(built_in_studies()) >= {"quickstart", "grid", "vital", "own_sounds"}
    for name in built_in_studies():
        assert load_study(name).question.endswith("?")


def test_arms_start_from_other_arms():
    study = parsed(ARMS + '[[arms]]\nname = "b"\nlike = "a"\nconfig = { encoder = { n_mels = 32 } }')
    assert dict(study.named_arms()[1].settings) == {"encoder.width": 8, "encoder.n_mels": 32}


def test_shared_settings_count_where_an_arm_has_them():
    study = parsed(
        'question = "?"\n[config.parameterization]\ndegree = 2\n'
        '[[arms]]\nname = "spline"\nconfig = { parameterization = { kind = "spline" } }\n'
        '[[arms]]\nname = "frame"\nconfig = { parameterization = { kind = "frame" } }\n'
    )
    found = configs(study)
    assert found["spline"].parameterization.degree == 2
    assert found["frame"].parameterization.kind == "frame"


def test_space_ablation_and_arms_stand_side_by_side():
    study = parsed(
        ARMS + '[[space]]\npath = "encoder.n_mels"\nvalues = [32, { label = "many", value = 64 }]\n'
        '[ablation]\npath = "encoder.width"\nbaseline = 16\narms = { narrow = 4 }\n'
    )
    assert [arm.name for arm in study.named_arms()] == ["n_mels=32", "many", "baseline", "narrow", "a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('question = "?"', "a study needs something that varies"),
        (ARMS.replace("question", "qestion"), r"unknown key qestion in a study file; did you mean question\?"),
        (ARMS.partition("\n")[2], "question: .*; got nothing"),
        ("preset = 'big'\n" + ARMS, "unknown preset 'big'; choose one of paper, small"),
        ("seeds = []\n" + ARMS, "seeds are different whole numbers"),
        ("seeds = [1, 1]\n" + ARMS, "seeds are different whole numbers"),
        ("seeds = [-1]\n" + ARMS, "seeds are different whole numbers"),
        ("seeds = ['x']\n" + ARMS, "seeds.0: .*valid integer.*; got 'x'"),
        ("arms = 3\nquestion = '?'", "arms is a list of tables"),
        ("ablation = 3\n" + ARMS, "ablation is a table"),
        (ARMS + "colour = 1", r"unknown key arms\[a\].colour in a study file"),
        (ARMS + "[[objectives]]\nmetric = 'audio.mss'\ndirection = 'down'", "objectives.0.direction: .*; got 'down'"),
        (
            ARMS + "[[objectives]]\nmetric = 'audio.mss'\ndirection = 'minimize'\n" * 2,
            "objectives are different metrics",
        ),
        (ARMS + "[[space]]\npath = 'encoder.width'", "space dimension encoder.width: give either `values` or both"),
        (ARMS + "[[space]]\npath = 'encoder.width'\nvalues = [{ label = 'x' }]", "a value is plain, or"),
        (ARMS + "[[space]]\npath = 'encoder.width'\nvalue = [8]", r"did you mean space\[encoder.width\].values\?"),
        (ARMS + "[[arms]]\nname = 'a'", "two arms are named 'a'"),
        (ARMS + "[[arms]]\nname = 'b/c'", "the name of an arm"),
        (ARMS + "[[arms]]\nname = 'b'\nlike = 'aa'", r"arm 'b' is like 'aa', which is no arm here; did you mean a\?"),
        (ARMS + "[[arms]]\nname = 'b'\nlike = 'b'", "in a circle: b -> b"),
        (
            ARMS + "[[arms]]\nname = 'b'\nconfig = { parameterization = { n_segments = 3 } }",
            "arm 'b': unknown setting parameterization.n_segments",
        ),
        (ARMS + "[config]\nencoder = { widht = 3 }", r"unknown setting encoder.widht; did you mean encoder.width\?"),
    ],
)
def test_a_wrong_study_file_is_refused_with_what_is_wrong(text, message):
    with pytest.raises(ConfigError, match=message):
        parsed(text).named_arms()


def test_a_name_that_would_leave_its_folder_is_refused():
    with pytest.raises(ConfigError, match="the name of a study has letters"):
        parse_study({"name": "../up", **tomllib.loads(ARMS)})


def test_an_unknown_study_gets_a_near_one():
    with pytest.raises(ConfigError, match=r"there is no study 'quickstrat'; did you mean quickstart\?"):
        load_study("quickstrat")


def test_a_study_file_that_is_not_there_or_no_toml_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*No such file"):
        load_study(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("question = ")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_study(str(tmp_path / "bad.toml"))


def test_a_file_names_its_study(tmp_path):
    (tmp_path / "mine.toml").write_text(ARMS)
    assert load_study(str(tmp_path / "mine.toml")).name == "mine"
