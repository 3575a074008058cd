"""Frame by frame: one free value per frame."""

import torch

from core.parameterizations.frame import Frame
from core.seeding import generator


def test_curve_is_the_sigmoid_of_its_logits() -> None:
    logits = torch.randn(2, 3, 20, 1, generator=generator(0, "logits"))
    torch.testing.assert_close(Frame(20)(logits), 1 / (1 + torch.exp(-logits[..., 0])))


def test_curriculum_changes_nothing() -> None:
    logits = torch.randn(2, 3, 20, 1, generator=generator(0, "logits"))
    assert torch.equal(Frame(20)(logits, 1.0), Frame(20)(logits))
