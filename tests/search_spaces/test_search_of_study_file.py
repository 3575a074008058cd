"""The search of a study file, and its confirmation."""

import pytest

from core.errors import ConfigError
from search_spaces.confirm import Confirm
from search_spaces.designs.explicit import ExplicitArms
from search_spaces.designs.full_factorial import FullFactorial
from search_spaces.designs.one_factor import OneFactor
from search_spaces.domains import fixed
from search_spaces.ranges import Integer, LogUniform
from search_spaces.samplers.random import RandomSampler
from search_spaces.samplers.tpe import TpeSampler
from search_spaces.search import Search, cell_seed
from search_spaces.strategy import History
from tests.support.study_files import ARMS, EVERYTHING, SEARCH, parsed


class TestSearch:
    def test_search_and_its_confirmation_are_the_last_stages(self) -> None:
        *designs, search, confirm = parsed(EVERYTHING + SEARCH).strategies()
        assert [type(design) for design in designs] == [FullFactorial, OneFactor, ExplicitArms]
        assert isinstance(search, Search)
        assert confirm == Confirm(seeds=(1000, 1001), max_arms=8, threshold=0.05)
        assert (search.n_arms, search.round_size, search.seeds) == (20, 4, (1000, 1001))
        assert search.cells[0].sampler == RandomSampler(cell_seed(3, ""))
        assert [dimension.path for dimension in search.space.dimensions] == ["optimizer.lr", "encoder.width"]

    def test_search_alone_is_a_study(self) -> None:
        study = parsed('question = "?"\n' + SEARCH)
        assert study.named_arms() == ()
        assert study.designs() == ()
        search, confirm = study.strategies()
        assert isinstance(confirm, Confirm)
        proposal = search.propose(History())
        assert proposal is not None
        assert [arm.name for arm in proposal.arms] == [f"search {number:03d}" for number in range(4)]

    def test_ranges_are_of_the_type_of_their_setting(self) -> None:
        space = SEARCH.replace("low = 4\nhigh = 16", "low = 4.0\nhigh = 1.6e1\nlog = true").replace(
            "high = 1e-1", "high = 1"
        )
        (search,) = parsed('question = "?"\n' + space).searches()
        assert [dimension.domain for dimension in search.space.dimensions] == [
            LogUniform(low=1e-4, high=1.0),
            Integer(low=4, high=16, log=True),
        ]

    def test_a_single_value_is_fixed(self) -> None:
        space = SEARCH.replace("low = 4\nhigh = 16", "value = 4")
        (search,) = parsed('question = "?"\n' + space).searches()
        assert search.space.dimensions[1].domain == fixed(4)

    def test_search_and_confirmation_have_defaults(self) -> None:
        study = parsed(
            'question = "?"\n[search]\narms_per_cell = 12\nspace = [{ path = "optimizer.lr", low = 1e-3, high = 1e-1 }]'
        )
        search, confirm = study.strategies()
        assert isinstance(search, Search)
        assert isinstance(confirm, Confirm)
        assert search.cells[0].sampler == TpeSampler(cell_seed(0, ""))
        assert (search.round_size, search.mode, search.seeds) == (4, "rounds", (1000, 1001))
        assert study.seeds == (0, 1, 2, 3)
        assert study.to_settings()["confirm"] == {"max_arms": 8, "threshold": 0.05}
        assert parsed(ARMS).seeds == (0,)

    def test_cells_of_a_grid_are_searched(self) -> None:
        values = '["frame", { label = "lpf", value = "low_pass" }]'
        grid = f'[[search.grid]]\npath = "parameterization.kind"\nvalues = {values}\n'
        study = parsed('question = "?"\n' + SEARCH + grid)
        (search,) = study.searches()
        assert [cell.cell.name for cell in search.cells] == ["frame", "lpf"]
        assert search.n_arms == 40

    def test_confirmation_needs_a_search(self) -> None:
        with pytest.raises(ConfigError, match=r"\[confirm\] runs the best arms of a search, and there is none"):
            parsed(ARMS + "[confirm]\nmax_arms = 3")

    @pytest.mark.parametrize("name", ["search 000", "search 1234"])
    def test_names_of_the_arms_of_a_search_are_refused_for_other_arms(self, name: str) -> None:
        with pytest.raises(ConfigError, match=f"names such as '{name}' are those of the search's arms"):
            parsed(ARMS.replace('"a"', f'"{name}"') + SEARCH).named_arms()
        parsed(ARMS.replace('"a"', f'"{name}"')).named_arms()
        parsed(ARMS.replace('"a"', '"search 12"') + SEARCH).named_arms()

    def test_names_of_cells_fit_their_rule(self) -> None:
        grid = '[[search.grid]]\npath = "encoder.n_mels"\nvalues = [{ label = "a/b", value = 32 }]\n'
        (search,) = parsed('question = "?"\n' + SEARCH + grid).searches()
        assert search.cells[0].arm_name(7) == "a_b 007"

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (
                "round_size = 4",
                "round_size = 30",
                r"\[search\]: search.round_size is between 1 and arms_per_cell, 20; got 30",
            ),
            ("arms_per_cell = 20", "arms_per_cell = 0", "arms_per_cell: must be greater than or equal to 1; got 0"),
            ("arms_per_cell = 20", "", "search.arms_per_cell: .*missing"),
            (
                "arms_per_cell = 20",
                "arms_per_cel = 20",
                r"unknown key search\.arms_per_cel in a study file; did you mean search\.arms_per_cell\?",
            ),
            ("round_size = 4", "seeds = [0, 1, 1000]", "search.seeds and seeds must be disjoint"),
            ("round_size = 4", "mode = 'eager'", "search.mode: .*'rounds' or 'asynchronous'; got 'eager'"),
            ('kind = "random", seed = 3', 'kind = "custom"', r"search\.sampler.*path: .*missing"),
            ('kind = "random", seed = 3', 'kind = "custom", path = "a"', "names no class"),
            (
                "[[search.space]]",
                "[[search.grid]]\npath = 'encoder.width'\nvalues = [4]\nwhat = 1\n[[search.space]]",
                r"unknown key search\.grid\[encoder\.width\]\.what",
            ),
            (
                "[search]",
                "[confirm]\nmax_arm = 3\n[search]",
                r"unknown key confirm\.max_arm .* mean confirm\.max_arms\?",
            ),
            ("[search]", "[confirm]\nmax_arms = 0\n[search]", "confirm.max_arms: .*greater than or equal to 1; got 0"),
            (
                "[search]",
                "[confirm]\nthreshold = 2.0\n[search]",
                "confirm.threshold: .*less than or equal to 1; got 2.0",
            ),
            ('kind = "random"', 'kind = "grid"', "search.sampler.kind: .*; got 'grid'"),
            ("seed = 3", "seed = -3", "search.sampler.seed: .*; got -3"),
            ("seed = 3", "sed = 3", r"unknown key search\.sampler\.sed"),
            ("log = true", "logg = true", r"unknown key search\.space\[optimizer\.lr\]\.logg"),
            ("low = 1e-4", "low = 0.0", "space dimension optimizer.lr: a logarithmic range lies above 0"),
            ("low = 4", "low = 0", "space dimension encoder.width, low = 0: .*greater than or equal to 1"),
            ("high = 16", "", "space dimension encoder.width: a range needs both `low` and `high`"),
            (
                "high = 16",
                "high = 16.5",
                "the setting takes whole numbers only; got high=16.5; round it",
            ),
            ("high = 16", "high = 16\nlog = true\nstep = 2", "encoder.width: a logarithmic range has no step"),
            ("high = 16", "high = 16\nvalue = 3", "encoder.width: give either `values`, or `value`, or both"),
        ],
    )
    def test_wrong_searches_are_refused(self, old: str, new: str, message: str) -> None:
        assert old in SEARCH
        with pytest.raises(ConfigError, match=message):
            parsed('question = "?"\n' + SEARCH.replace(old, new)).strategies()
