"""A reused worker starts each trial as a new one would."""

import random

import numpy as np
import torch

from study.execution.objective import clean_start


def test_nothing_of_an_earlier_trial_is_left():
    def draws():
        return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002

    clean_start(1)
    first = draws()
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float64)
    clean_start(1)
    assert draws() == first
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() is torch.float32
    assert torch.get_num_threads() == 1
