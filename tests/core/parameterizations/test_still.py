"""Still: one value per curve and clip."""

import torch

from core.parameterizations.still import Still
from core.seeding import generator


def test_every_frame_is_the_sigmoid_of_the_only_logit() -> None:
    logits = torch.randn(2, 3, 1, 1, generator=generator(0, "logits"))
    curves = Still(20)(logits)
    assert curves.shape == (2, 3, 20)
    torch.testing.assert_close(curves, torch.sigmoid(logits[:, :, 0]).expand(2, 3, 20))


def test_one_number_describes_a_curve() -> None:
    still = Still(20)
    assert (still.n_tokens, still.n_outputs, still.n_numbers) == (1, 1, 1.0)
