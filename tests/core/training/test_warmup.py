"""A few steps on noise before a trial."""

from core.settings.parameterizations import ConstantConfig
from core.training.resolve import resolve
from core.training.warmup import step_on_noise, warm_up_all
from tests.core.test_encoder import configured


def test_where_nothing_is_trained_there_is_no_step() -> None:
    assert step_on_noise(resolve(configured(parameterization=ConstantConfig())).config) is None
    step = step_on_noise(resolve(configured()).config)
    assert step is not None
    first, second = step(), step()
    assert first != second


def test_every_part_of_the_small_preset_can_be_rehearsed() -> None:
    warm_up_all()
