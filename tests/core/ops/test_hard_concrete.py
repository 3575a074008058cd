"""Hard-concrete gates: known values, probabilities, noise."""

import pytest
import torch

from core.ops.hard_concrete import gates, open_probability
from core.seeding import generator


def test_gates_without_noise_are_closed_half_open_and_open() -> None:
    assert gates(torch.tensor([-9.0, 0.0, 9.0])).tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("logit", [-3.0, -1.0, 0.0, 2.0])
def test_gates_are_open_as_often_as_their_probability_says(logit: float) -> None:
    logits = torch.full((200_000,), logit)
    noisy = gates(logits, generator(0, "gates"))
    assert float(noisy.min()) >= 0
    assert float(noisy.max()) <= 1
    assert float((noisy > 0).double().mean()) == pytest.approx(float(open_probability(logits[0])), abs=0.005)


def test_noise_follows_the_generator_and_evaluation_has_none() -> None:
    logits = torch.zeros(50)
    one, same, other = (gates(logits, generator(seed, "gates")) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(gates(logits), torch.full((50,), 0.5))


def test_gradient_passes_open_gates_and_stops_at_closed_ones() -> None:
    logits = torch.tensor([-9.0, 0.3, 9.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(gates(logits).sum(), logits)
    assert gradient[0] == gradient[2] == 0
    assert gradient[1] > 0
    assert torch.autograd.gradcheck(open_probability, (logits,))
