"""The contract of a strategy whose arms are known before anything runs, and a small example of each design."""

import json
import pkgutil
from collections.abc import Callable
from importlib import import_module

from core.settings.presets import SMALL
from search_spaces import designs
from search_spaces.designs.base import Design
from search_spaces.designs.explicit import ExplicitArm, ExplicitArms
from search_spaces.designs.fractional_factorial import FractionalFactorial
from search_spaces.designs.full_factorial import FullFactorial
from search_spaces.designs.leave_one_out import LeaveOneOut
from search_spaces.designs.one_factor import OneFactor
from search_spaces.designs.space_filling import SpaceFilling
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice
from search_spaces.names import check_name
from search_spaces.paths import Composer
from search_spaces.ranges import Integer, LogUniform
from search_spaces.space import Space
from search_spaces.strategy import History, TriedArm

Check = Callable[[Design], None]
KIND = "parameterization.kind"


def conditional_space() -> Space:
    return Space(
        [
            Dimension(path=KIND, domain=choice(["frame", "spline"])),
            Dimension(
                path="parameterization.n_segments", domain=Integer(low=4, high=8, step=2), when={KIND: ("spline",)}
            ),
            Dimension(path="encoder.width", domain=choice([8, 16])),
        ],
        SMALL,
    )


def two_level_space() -> Space:
    paths = ("encoder.width", "encoder.head_hidden", "trainer.batch_size", "encoder.n_mels", "encoder.n_fft")
    return Space([Dimension(path=path, domain=choice([16, 32])) for path in paths], SMALL)


def real_space() -> Space:
    kind = Dimension(path=KIND, domain=choice(["frame", "low_pass"]))
    rate = Dimension(path="optimizer.lr", domain=LogUniform(low=1e-4, high=1e-2))
    return Space([kind, rate], SMALL)


EXAMPLES: dict[type[Design], list[Design]] = {
    FullFactorial: [FullFactorial(conditional_space()), FullFactorial(two_level_space())],
    FractionalFactorial: [
        FractionalFactorial(space=two_level_space(), resolution="III"),
        FractionalFactorial(space=two_level_space(), resolution="V"),
        FractionalFactorial(space=two_level_space(), generators=("E = -ABC",)),
    ],
    SpaceFilling: [
        SpaceFilling(space=real_space(), size=10, method="sobol"),
        SpaceFilling(space=real_space(), size=10, method="halton", seed=3),
        SpaceFilling(space=real_space(), size=10, method="latin_hypercube"),
        SpaceFilling(space=conditional_space(), size=8),
    ],
    OneFactor: [OneFactor(path="encoder.width", baseline=16, variations={"narrow": 8, "wide": 32})],
    LeaveOneOut: [
        LeaveOneOut(
            components={
                "curriculum": {"trainer.curriculum_share": 0.0},
                "averaging": {"optimizer": {"averaging_power": 0.0}},
            },
            full={"encoder.width": 8},
        )
    ],
    ExplicitArms: [
        ExplicitArms(
            [
                ExplicitArm(name="narrow", config={"encoder": {"width": 8}}),
                ExplicitArm(name="narrow and fast", like="narrow", config={"optimizer": {"lr": 1e-2}}),
            ]
        )
    ],
}
"""Every kind of design has examples here."""


def every_kind() -> tuple[type[Design], ...]:
    """All designs in `search_spaces.designs`."""
    modules = [import_module(f"{designs.__name__}.{entry.name}") for entry in pkgutil.iter_modules(designs.__path__)]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    return tuple(dict.fromkeys(cls for cls in found if issubclass(cls, Design) and cls is not Design))


def arms_differ_in_name_and_settings(design: Design) -> None:
    arms = design.arms()
    assert arms
    assert len({arm.name for arm in arms}) == len(arms)
    assert len({repr(sorted(arm.settings.items(), key=repr)) for arm in arms}) == len(arms)


def its_number_of_arms_is_known_beforehand(design: Design) -> None:
    assert design.n_arms == len(design.arms())


def its_names_are_legal(design: Design) -> None:
    for arm in design.arms():
        check_name("an arm", arm.name)


def its_settings_are_plain_and_make_a_config(design: Design) -> None:
    shared = {"data.folder": "sounds"}
    if any("data.folder" in arm.settings for arm in design.arms()):
        shared["data.kind"] = "audio_folder"  # which its study says once for all arms
    composer = Composer(SMALL, shared)
    for arm in design.arms():
        assert json.loads(json.dumps(dict(arm.settings))) == dict(arm.settings)
        composer.config(arm.settings)


def it_is_the_same_each_time(design: Design) -> None:
    assert design.arms() == design.arms()
    assert design.remarks() == design.remarks()


def it_proposes_all_arms_once(design: Design) -> None:
    arms = design.arms()
    first = design.propose(History(seeds=(0, 3)))
    assert first is not None
    assert first.arms == arms
    assert set(first.trials) == {(arm.name, seed) for arm in arms for seed in (0, 3)}
    rest = design.propose(History(arms=tuple(TriedArm(arm=arm) for arm in arms[:1])))
    assert (rest.arms if rest else ()) == arms[1:]
    assert design.propose(History(arms=tuple(TriedArm(arm=arm) for arm in arms))) is None


CHECKS: tuple[Check, ...] = (
    arms_differ_in_name_and_settings,
    its_number_of_arms_is_known_beforehand,
    its_names_are_legal,
    its_settings_are_plain_and_make_a_config,
    it_is_the_same_each_time,
    it_proposes_all_arms_once,
)
