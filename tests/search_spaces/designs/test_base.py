"""Designs as strategies: all arms in one proposal, and arms that are added later."""

from core.settings.presets import SMALL
from search_spaces.designs.explicit import ExplicitArm, ExplicitArms
from search_spaces.designs.full_factorial import FullFactorial
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice
from search_spaces.space import Space
from search_spaces.strategy import Arm, History, Round, TriedArm


def entry(name: str) -> ExplicitArm:
    return ExplicitArm(name=name, config={"encoder.width": len(name)})


def history_of(*arms: Arm) -> History:
    return History(arms=tuple(TriedArm(arm=arm) for arm in arms))


def test_design_proposes_all_arms_once() -> None:
    design = ExplicitArms([entry("a"), entry("bb")])
    proposal = design.propose(History(seeds=(0, 1)))
    assert proposal == Round(
        stage="design", arms=tuple(design.arms()), trials=(("a", 0), ("bb", 0), ("a", 1), ("bb", 1))
    )
    assert design.propose(history_of(*design.arms())) is None


def test_design_proposes_arms_that_were_added_to_it() -> None:
    before, after = ExplicitArms([entry("a")]), ExplicitArms([entry("bb"), entry("a")])
    proposal = after.propose(history_of(*before.arms()))
    assert proposal is not None
    assert proposal.trials == (("bb", 0),)


def test_full_factorial_design_has_every_point_of_its_space() -> None:
    space = Space(
        [
            Dimension(path="encoder.width", domain=choice([4, 8])),
            Dimension(path="encoder.n_mels", domain=choice([32, 64])),
        ],
        SMALL,
    )
    assert [(arm.name, dict(arm.settings)) for arm in FullFactorial(space).arms()] == [
        (f"width={width} n_mels={n_mels}", {"encoder.width": width, "encoder.n_mels": n_mels})
        for width in (4, 8)
        for n_mels in (32, 64)
    ]
