"""Linear interpolation from frames to samples."""

import numpy as np
import pytest
import torch

from core.ops.frames import to_samples
from core.seeding import generator


@pytest.mark.parametrize("n_samples", [28, 25])
def test_interpolation_to_samples_equals_numpy(n_samples: int) -> None:
    frames = torch.rand(2, 5, generator=generator(0, "frames"))
    expected = np.stack([np.interp(np.arange(n_samples) / 7, np.arange(5), row) for row in frames.numpy()])
    np.testing.assert_allclose(to_samples(frames, 7, n_samples).numpy(), expected, rtol=1e-5)


def test_too_few_frames_are_refused_with_the_number_that_fits() -> None:
    with pytest.raises(ValueError, match="give 6 frames"):
        to_samples(torch.rand(2, 5, generator=generator(0, "frames")), 7, 29)
