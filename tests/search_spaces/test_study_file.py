"""Study files: parsing, errors, and conversion to plain values and back."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import search_spaces.study_file
from core.errors import ConfigError
from core.settings.parameterizations import FrameConfig, SplineConfig
from search_spaces.designs.explicit import ExplicitArms
from search_spaces.designs.fractional_factorial import FractionalFactorial
from search_spaces.designs.full_factorial import FullFactorial
from search_spaces.designs.one_factor import OneFactor
from search_spaces.strategy import History
from search_spaces.study_parsing import built_in_studies, load_study, parse_study
from tests.support.study_files import ARMS, EVERYTHING, SEARCH, parsed

TWO_LEVELS = """
question = "Which settings matter?"
[[space]]
path = "encoder.width"
values = [8, 16]
[[space]]
path = "encoder.stride"
values = [1, 2]
[[space]]
path = "optimizer.lr"
low = 1e-3
high = 1e-2
log = true
[[space]]
path = "trainer.batch_size"
low = 4
high = 8
"""
FRACTION = TWO_LEVELS + '[design]\nkind = "fractional_factorial"\nresolution = "III"\n'
GENERATED = TWO_LEVELS + '[design]\nkind = "fractional_factorial"\ngenerators = ["D = -ABC"]\n'
FILLED = TWO_LEVELS + '[design]\nkind = "space_filling"\nn_arms = 20\nmethod = "halton"\nseed = 2\n'
WITHOUT = """
question = "What does each component contribute?"
[ablation]
kind = "leave_one_out"
full = { encoder.width = 8 }
[ablation.components]
curriculum = { trainer = { curriculum_share = 0.0 } }
averaging = { "optimizer.averaging_power" = 0.0 }
"""


TABLES = [ARMS, EVERYTHING + SEARCH, EVERYTHING, 'question = "?"\n' + SEARCH, FRACTION, GENERATED, FILLED, WITHOUT]


class TestRoundTrip:
    @pytest.mark.parametrize("name", built_in_studies())
    def test_built_in_studies_survive(self, name: str) -> None:
        study = load_study(name)
        settings = study.to_settings()
        assert parse_study(settings) == study
        assert parse_study(json.loads(json.dumps(settings))) == study

    @pytest.mark.parametrize(
        "text",
        TABLES,
    )
    def test_every_table_survives(self, text: str) -> None:
        study = parsed(text)
        again = parse_study(json.loads(json.dumps(study.to_settings())))
        assert again == study
        assert again.named_arms() == study.named_arms()
        assert [type(strategy) for strategy in again.strategies()] == [type(s) for s in study.strategies()]

    def test_search_goes_on_with_the_same_arms(self) -> None:
        study = parsed(EVERYTHING + SEARCH)
        again = parse_study(json.loads(json.dumps(study.to_settings())))
        proposals = [each.searches()[0].propose(History()) for each in (study, again)]
        assert proposals[0] == proposals[1]
        assert proposals[1] is not None
        assert len(proposals[1].arms) == 4
        assert all(isinstance(arm.settings["encoder.width"], int) for arm in proposals[1].arms)

    def test_settings_are_plain_values(self) -> None:
        def is_plain(value: Any) -> bool:
            if isinstance(value, dict):
                return all(isinstance(key, str) and is_plain(item) for key, item in value.items())
            if isinstance(value, list):
                return all(map(is_plain, value))
            return isinstance(value, str | int | float | bool)

        assert is_plain(parsed(EVERYTHING + SEARCH).to_settings())


class TestArms:
    def test_arms_start_from_other_arms(self) -> None:
        study = parsed(ARMS + '[[arms]]\nname = "b"\nlike = "a"\nconfig = { encoder = { n_mels = 32 } }')
        assert dict(study.named_arms()[1].settings) == {"encoder.width": 8, "encoder.n_mels": 32}

    def test_shared_settings_count_where_an_arm_has_them(self) -> None:
        study = parsed(
            'question = "?"\n[config.parameterization]\ndegree = 2\n'
            '[[arms]]\nname = "spline"\nconfig = { parameterization = { kind = "spline" } }\n'
            '[[arms]]\nname = "frame"\nconfig = { parameterization = { kind = "frame" } }\n'
        )
        found = study.configs()
        assert found["spline"].parameterization == SplineConfig(n_segments=8, degree=2)
        assert found["frame"].parameterization == FrameConfig()

    def test_space_ablation_and_arms_stand_side_by_side(self) -> None:
        study = parsed(
            ARMS + '[[space]]\npath = "encoder.n_mels"\nvalues = [32, { label = "many", value = 64 }]\n'
            '[ablation]\npath = "encoder.width"\nbaseline = 16\narms = { narrow = 4 }\n'
        )
        assert [arm.name for arm in study.named_arms()] == ["n_mels=32", "many", "baseline", "narrow", "a"]
        assert [type(design) for design in study.designs()] == [FullFactorial, OneFactor, ExplicitArms]

    def test_every_table_has_its_arms(self) -> None:
        names = [
            "frame grey",
            "frame engel",
            "bezier-8 grey",
            "bezier-8 engel",
            "bezier-many grey",
            "bezier-many engel",
        ]
        names += ["usual", "narrow", "bf16", "lpf-8", "lpf-4"]
        assert [arm.name for arm in parsed(EVERYTHING).named_arms()] == names


class TestDesigns:
    def test_all_combinations_are_the_default(self) -> None:
        text = TWO_LEVELS.replace("low = 1e-3\nhigh = 1e-2\nlog = true", "values = [1e-3, 1e-2]")
        assert [type(design) for design in parsed(text).designs()] == [FullFactorial]
        assert len(parsed(text).named_arms()) == 2 * 2 * 2 * 5
        assert parsed(text + '[design]\nkind = "full_factorial"').named_arms() == parsed(text).named_arms()

    def test_a_fraction_has_half_of_the_combinations(self) -> None:
        (design,) = parsed(FRACTION).designs()
        assert isinstance(design, FractionalFactorial)
        assert len(parsed(FRACTION).named_arms()) == 8
        (design,) = parsed(GENERATED).designs()
        assert isinstance(design, FractionalFactorial)
        assert design.aliases()[0] == ("width x stride", "-lr x batch_size")

    def test_a_space_filling_design_draws_from_ranges(self) -> None:
        arms = parsed(FILLED).named_arms()
        assert [arm.name for arm in arms] == [f"halton-{number:03d}" for number in range(20)]
        assert len({arm.settings["optimizer.lr"] for arm in arms}) == 20
        assert {arm.settings["trainer.batch_size"] for arm in arms} == {4, 5, 6, 7, 8}
        more = parsed(FILLED.replace("n_arms = 20", "n_arms = 30")).named_arms()
        assert more[:20] == arms

    def test_components_are_left_out_one_by_one(self) -> None:
        found = parsed(WITHOUT).configs()
        assert list(found) == ["full", "without curriculum", "without averaging"]
        full = found["full"]
        assert full.encoder.width == 8
        assert found["without curriculum"] == replace(full, trainer=replace(full.trainer, curriculum_share=0.0))
        assert found["without averaging"] == replace(full, optimizer=replace(full.optimizer, averaging_power=0.0))

    @pytest.mark.parametrize(
        ("text", "old", "new", "message"),
        [
            (FRACTION, '"III"', '"VI"', "design.resolution: .*'III', 'IV' or 'V'; got 'VI'"),
            (
                FRACTION,
                "resolution",
                "resolutoin",
                r"design.resolutoin in a study file; did you mean design.resolution",
            ),
            (
                FRACTION,
                "fractional_",
                "fractionl_",
                r"unknown design.kind 'fractionl_factorial'; did you mean fractional",
            ),
            (
                FRACTION,
                'kind = "fractional_factorial"',
                "kind = 3",
                "unknown design.kind 3; choose one of full_factorial",
            ),
            (FRACTION, "values = [8, 16]", "values = [8, 16, 32]", "encoder.width has 3 values; give it two"),
            (GENERATED, "ABC", "ABE", "a product of different factors among ABC, such as D = ABC; got 'D = -ABE'"),
            (FILLED, "n_arms = 20", "", "design.n_arms: .*missing"),
            (FILLED, "n_arms = 20", "n_arms = 0", "design.n_arms: .*greater than or equal to 1; got 0"),
            (FILLED, "halton", "grid", "design.method: .*'sobol', 'halton' or 'latin_hypercube'; got 'grid'"),
            (FILLED, "seed = 2", "seed = -2", "design.seed: .*; got -2"),
            (FILLED, 'kind = "space_filling"\n', "", "unknown key design.n_arms in a study file; known here: kind"),
            (WITHOUT, "averaging_power", "averaging", "arm 'without averaging': unknown setting optimizer.averaging"),
            (
                WITHOUT,
                "components",
                "component",
                "unknown key ablation.component in a .*did you mean ablation.components",
            ),
            (WITHOUT, 'kind = "leave_one_out"\n', "", "unknown key ablation.full in a study file"),
            (WITHOUT, "leave_one_out", "leave_out", "unknown ablation.kind 'leave_out'; did you mean leave_one_out"),
            (WITHOUT, "{ trainer = { curriculum_share = 0.0 } }", "0.0", "ablation.components.curriculum: .*; got 0.0"),
            (
                ARMS,
                "[[arms]]",
                "[design]\nkind = 'space_filling'\nn_arms = 3\n[[arms]]",
                "needs dimensions; add ..space",
            ),
        ],
    )
    def test_wrong_designs_are_refused(self, text: str, old: str, new: str, message: str) -> None:
        assert old in text
        with pytest.raises(ConfigError, match=message):
            parsed(text.replace(old, new)).named_arms()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('question = "?"', "a study needs something that varies"),
        (ARMS.replace("question", "qestion"), r"unknown key qestion in a study file; did you mean question\?"),
        (ARMS.partition("\n")[2], "question: .*missing"),
        ("preset = 'big'\n" + ARMS, "unknown preset 'big'; choose one of paper, small"),
        ("seeds = []\n" + ARMS, "seeds must be distinct non-negative integers"),
        ("seeds = [1, 1]\n" + ARMS, "seeds must be distinct non-negative integers"),
        ("seeds = [-1]\n" + ARMS, "seeds must be distinct non-negative integers"),
        ("seeds = ['x']\n" + ARMS, "seeds.0: must be a whole number; got 'x'"),
        ("arms = 3\nquestion = '?'", "arms is a list of tables"),
        ("ablation = 3\n" + ARMS, "ablation is a table"),
        ("search = 3\n" + ARMS, "search is a table"),
        (ARMS + "colour = 1", r"unknown key arms\[a\].colour in a study file"),
        (ARMS + "[[objectives]]\nmetric = 'audio.mss'\ndirection = 'down'", "objectives.0.direction: .*; got 'down'"),
        (
            ARMS + "[[objectives]]\nmetric = 'audio.mss'\ndirection = 'minimize'\n" * 2,
            "objectives must be distinct metrics",
        ),
        (
            ARMS + "[[space]]\npath = 'encoder.width'",
            "encoder.width: give either `values`, or `value`, or",
        ),
        (ARMS + "[[space]]\npath = 'encoder.width'\nvalues = [{ label = 'x' }]", "a value is plain, or"),
        (
            ARMS + "[[space]]\npath = 'encoder.width'\nvalue = [8]",
            r"value '8': .*whole number; got \[8\]",
        ),
        (ARMS + "[[space]]\npath = 'encoder.width'\nvalus = [8]", r"did you mean space\[encoder.width\].values\?"),
        (ARMS + "[[space]]\npath = 'encoder.widht'\nlow = 1\nhigh = 2", r"did you mean encoder.width\?"),
        (ARMS + "[[arms]]\nname = 'a'", "two arms are named 'a'"),
        (ARMS + "[[arms]]\nname = 'b/c'", "the name of an arm"),
        (
            ARMS + "[[arms]]\nname = 'b'\nlike = 'aa'",
            r"arm 'b' is like 'aa', which is not an explicit arm; did you mean a\?",
        ),
        (ARMS + "[[arms]]\nname = 'b'\nlike = 'b'", "must not be cyclic: b -> b"),
        (
            ARMS + "[[arms]]\nname = 'b'\nconfig = { parameterization = { n_segments = 3 } }",
            "arm 'b': unknown setting parameterization.n_segments",
        ),
        (ARMS + "[config]\nencoder = { widht = 3 }", r"unknown setting encoder.widht; did you mean encoder.width\?"),
    ],
)
def test_wrong_study_files_are_refused_with_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parsed(text).named_arms()


def test_the_example_in_the_documentation_is_a_study() -> None:
    text = str(search_spaces.study_file.__doc__).partition("\n")[2]
    study = parsed(text)
    assert len(study.strategies()) >= 4
    names = [arm.name for arm in study.named_arms()]
    assert {"lpf-8", "lpf-4", "width=8", "width=16", "baseline", "coarse"} == set(names)


def test_name_that_would_leave_its_folder_is_refused() -> None:
    with pytest.raises(ConfigError, match="the name of a study has letters"):
        parse_study({"name": "../up", **tomllib.loads(ARMS)})


def test_unknown_study_is_refused_with_a_near_one() -> None:
    with pytest.raises(ConfigError, match=r"there is no study 'quickstrat'; did you mean quickstart\?"):
        load_study("quickstrat")


def test_files_that_are_missing_or_no_toml_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*No such file"):
        load_study(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("question = ")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_study(str(tmp_path / "bad.toml"))


def test_study_is_named_after_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(ARMS)
    assert load_study(str(tmp_path / "mine.toml")).name == "mine"
