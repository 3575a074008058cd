"""Study files: parsing, errors, and conversion to plain values and back."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from core.errors import ConfigError
from core.settings.parameterizations import FrameConfig, SplineConfig
from core.settings.trial import TrialConfig
from search_spaces.designs.explicit import ExplicitArms
from search_spaces.designs.full_factorial import FullFactorial
from search_spaces.designs.one_factor import OneFactor
from search_spaces.paths import compose
from search_spaces.race import Race
from search_spaces.samplers.random import RandomSampler
from search_spaces.search import Search
from search_spaces.strategy import History
from search_spaces.study_entries import RaceEntry
from search_spaces.study_file import StudyFile
from search_spaces.study_parsing import built_in_studies, load_study, parse_study

ARMS = 'question = "why?"\n[[arms]]\nname = "a"\nconfig = { encoder = { width = 8 } }\n'
SEARCH = """
[search]
n_arms = 20
round_size = 4
sampler = { kind = "random", seed = 3 }
[[search.space]]
path = "optimizer.lr"
low = 1e-4
high = 1e-1
log = true
[[search.space]]
path = "encoder.width"
low = 4
high = 16
"""
EVERYTHING = """
question = "Does everything come back?"
preset = "paper"
seeds = [3, 1]
[[objectives]]
metric = "curves.pcc.lls3"
direction = "maximize"
[[objectives]]
metric = "cost.train_s"
direction = "minimize"
[config]
trainer.max_steps = 300
audio = { duration_s = 1.0 }
loss.resolutions = [{ n_fft = 512, hop_length = 120, win_length = 300 }]
[[arms]]
name = "lpf-8"
config = { parameterization = { kind = "low_pass", cutoff_hz = 8.0 } }
[[arms]]
name = "lpf-4"
like = "lpf-8"
config = { parameterization.cutoff_hz = 4 }
[[space]]
path = "parameterization.kind"
values = ["frame", { label = "bezier", value = "spline" }]
[[space]]
path = "parameterization.n_segments"
values = [8, { label = "many", value = 16 }]
when = { "parameterization.kind" = ["bezier"] }
[[space]]
path = "synth"
values = [
    { label = "grey", settings = { kind = "mod_synth", oscillator = { kind = "learnable" } } },
    { label = "engel", settings = { kind = "engel" } },
]
[ablation]
path = "encoder"
baseline = {}
baseline_name = "usual"
arms = { narrow = { width = 8 }, "bf16" = { precision = "bf16" } }
"""


def parsed(text: str) -> StudyFile:
    return parse_study({"name": "mine", **tomllib.loads(text)})


def configs(study: StudyFile) -> dict[str, TrialConfig]:
    return {arm.name: compose(study.base, study.shared(), arm.settings) for arm in study.named_arms()}


class TestRoundTrip:
    @pytest.mark.parametrize("name", built_in_studies())
    def test_built_in_studies_survive(self, name: str) -> None:
        study = load_study(name)
        settings = study.to_settings()
        assert parse_study(settings) == study
        assert parse_study(json.loads(json.dumps(settings))) == study

    @pytest.mark.parametrize("text", [ARMS, EVERYTHING + SEARCH, EVERYTHING, 'question = "?"\n' + SEARCH])
    def test_every_table_survives(self, text: str) -> None:
        study = parsed(text)
        again = parse_study(json.loads(json.dumps(study.to_settings())))
        assert again == study
        assert again.named_arms() == study.named_arms()
        assert [type(strategy) for strategy in again.strategies()] == [type(s) for s in study.strategies()]

    def test_search_goes_on_with_the_same_arms(self) -> None:
        study = parsed(EVERYTHING + SEARCH)
        again = parse_study(json.loads(json.dumps(study.to_settings())))
        proposals = [each.strategies()[-1].propose(History()) for each in (study, again)]
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
        found = configs(study)
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


class TestSearch:
    def test_search_is_the_last_stage(self) -> None:
        *designs, search = parsed(EVERYTHING + SEARCH).strategies()
        assert [type(design) for design in designs] == [FullFactorial, OneFactor, ExplicitArms]
        assert isinstance(search, Search)
        assert (search.n_arms, search.round_size, search.sampler) == (20, 4, RandomSampler(3))
        assert [dimension.path for dimension in search.space.dimensions] == ["optimizer.lr", "encoder.width"]

    def test_search_alone_is_a_study(self) -> None:
        study = parsed('question = "?"\n' + SEARCH)
        assert study.named_arms() == ()
        assert study.designs() == ()
        (search,) = study.strategies()
        proposal = search.propose(History())
        assert proposal is not None
        assert [arm.name for arm in proposal.arms] == [f"search-{number:03d}" for number in range(4)]

    def test_rounds_have_one_arm_and_seed_0_by_default(self) -> None:
        (search,) = parsed(
            'question = "?"\n[search]\nn_arms = 2\nspace = [{ path = "seed", values = [1] }]'
        ).strategies()
        assert isinstance(search, Search)
        assert (search.round_size, search.sampler) == (1, RandomSampler(0))

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("round_size = 4", "round_size = 30", "a round_size from 1 to n_arms; got 20 and 30"),
            ("n_arms = 20", "n_arms = 0", "n_arms of at least 1"),
            ("n_arms = 20", "", "search.n_arms: .*; got nothing"),
            ("n_arms = 20", "n_arm = 20", r"unknown key search\.n_arm in a study file; did you mean search\.n_arms\?"),
            ('kind = "random"', 'kind = "grid"', "search.sampler.kind: .*; got 'grid'"),
            ("seed = 3", "seed = -3", "search.sampler.seed: .*; got -3"),
            ("seed = 3", "sed = 3", r"unknown key search\.sampler\.sed"),
            ("log = true", "logg = true", r"unknown key search\.space\[optimizer\.lr\]\.logg"),
            ("low = 1e-4", "low = 0.0", "space dimension optimizer.lr: a logarithmic range lies above 0"),
            ("low = 4", "low = 0", "space dimension encoder.width, value '0'"),
            ("high = 16", "", "space dimension encoder.width: give either `values` or both"),
        ],
    )
    def test_wrong_searches_are_refused(self, old: str, new: str, message: str) -> None:
        assert old in SEARCH
        with pytest.raises(ConfigError, match=message):
            parsed('question = "?"\n' + SEARCH.replace(old, new)).strategies()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('question = "?"', "a study needs something that varies"),
        (ARMS.replace("question", "qestion"), r"unknown key qestion in a study file; did you mean question\?"),
        (ARMS.partition("\n")[2], "question: .*; got nothing"),
        ("preset = 'big'\n" + ARMS, "unknown preset 'big'; choose one of paper, small"),
        ("seeds = []\n" + ARMS, "seeds must be distinct non-negative integers"),
        ("seeds = [1, 1]\n" + ARMS, "seeds must be distinct non-negative integers"),
        ("seeds = [-1]\n" + ARMS, "seeds must be distinct non-negative integers"),
        ("seeds = ['x']\n" + ARMS, "seeds.0: .*valid integer.*; got 'x'"),
        ("arms = 3\nquestion = '?'", "arms is a list of tables"),
        ("ablation = 3\n" + ARMS, "ablation is a table"),
        ("search = 3\n" + ARMS, "search is a table"),
        (ARMS + "colour = 1", r"unknown key arms\[a\].colour in a study file"),
        (ARMS + "[[objectives]]\nmetric = 'audio.mss'\ndirection = 'down'", "objectives.0.direction: .*; got 'down'"),
        (
            ARMS + "[[objectives]]\nmetric = 'audio.mss'\ndirection = 'minimize'\n" * 2,
            "objectives must be distinct metrics",
        ),
        (ARMS + "[[space]]\npath = 'encoder.width'", "space dimension encoder.width: give either `values` or both"),
        (ARMS + "[[space]]\npath = 'encoder.width'\nvalues = [{ label = 'x' }]", "a value is plain, or"),
        (ARMS + "[[space]]\npath = 'encoder.width'\nvalue = [8]", r"did you mean space\[encoder.width\].values\?"),
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


RACE = ARMS + "[race]\n"


class TestRace:
    def test_seeds_are_continued_to_the_largest_number(self) -> None:
        study = parsed("seeds = [0, 4]\n" + RACE)
        assert study.all_seeds == (0, 4, 5, 6, 7, 8, 9, 10)
        assert study.design_seeds == (0, 4, 5)

    def test_a_race_follows_the_designs(self) -> None:
        study = parsed("seeds = [0, 4]\n" + RACE + "max_seeds = 4\nerror_rate = 0.1")
        design, race = study.strategies()
        assert isinstance(design, ExplicitArms)
        assert race == Race(seeds=(0, 4, 5, 6), entry=RaceEntry(max_seeds=4, error_rate=0.1))
        assert parse_study(study.to_settings()) == study

    def test_any_study_of_designs_can_be_a_race(self) -> None:
        assert parsed(ARMS).as_race() == parsed(RACE)
        assert parsed(ARMS).all_seeds == parsed(ARMS).design_seeds == (0,)
        raced = parsed(RACE + "max_seeds = 4")
        assert raced.as_race() is raced
        many = parsed(f"seeds = {list(range(10))}\n" + ARMS)
        assert many.as_race().all_seeds == many.seeds

    @pytest.mark.parametrize(
        ("race", "message"),
        [
            ("error_rate = 0.0", r"race\.error_rate lies between 0 and 0\.5, often 0\.05; got 0"),
            ("error_rate = 0.5", r"race\.error_rate lies between"),
            ("min_seeds = 1", r"race\.min_seeds is at least 2, .*; got 1 and 8"),
            ("min_seeds = 9", r"race\.min_seeds is .* at most race\.max_seeds; got 9 and 8"),
            ("give_up_below = 1.0", r"race\.give_up_below is a probability below 1.*; got 1"),
            ("max_seed = 4", r"unknown key race\.max_seed in a study file; did you mean race\.max_seeds\?"),
            ("max_seeds = 2.5", r"race\.max_seeds: .*; got 2\.5"),
        ],
    )
    def test_wrong_races_are_refused(self, race: str, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            parsed(RACE + race)

    def test_more_seeds_than_a_race_gives_are_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"at most race\.max_seeds seeds, 4, and seeds lists 5; raise"):
            parsed("seeds = [0, 1, 2, 3, 4]\n" + RACE + "max_seeds = 4")

    def test_a_race_beside_a_search_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="make them two studies, or leave one out"):
            parsed(RACE + SEARCH)
        with pytest.raises(ConfigError, match="make them two studies"):
            parsed(ARMS + SEARCH).as_race()
