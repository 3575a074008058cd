"""A few steps on noise before a trial."""

from core.config import ConstantConfig
from core.rehearsal import rehearse_all, step_on_noise
from core.resolve import resolve
from tests.core.test_encoder import configured


def test_where_nothing_is_trained_there_is_no_step() -> None:
    assert step_on_noise(resolve(configured(parameterization=ConstantConfig())).config) is None
    step = step_on_noise(resolve(configured()).config)
    assert step is not None
    first, second = step(), step()
    assert first != second


def test_every_part_of_the_small_preset_can_be_rehearsed() -> None:
    rehearse_all()
