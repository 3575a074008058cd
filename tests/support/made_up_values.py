"""Tables of values by arm, objective and seed for tests of statistics, and eight seeds of a real quickstart study."""

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.statistics.arm_values import ArmValues, Objectives

TWO_COSTS: Objectives = {"audio.mss": "minimize", "interpretability.tv": "minimize"}
"""The objectives of quickstart."""
_QUICKSTART = Path(__file__).parents[1] / "core" / "statistics" / "quickstart_8_seeds.json"

Table = Float[ndarray, "arm objective seed"]


def as_values(table: Table, objectives: Objectives = TWO_COSTS) -> ArmValues:
    """Values by arm `arm-0`, `arm-1`, ..., objective and seed 0, 1, ... of a table (arm, objective, seed)."""
    return {
        f"arm-{index}": {
            name: {seed: float(value) for seed, value in enumerate(by_seed)}
            for name, by_seed in zip(objectives, arm, strict=True)
        }
        for index, arm in enumerate(table)
    }


def quickstart_table() -> Table:
    """Test values of quickstart's five trained arms: frame, lpf-8, lpf-4, spline-8, spline-16."""
    stored = json.loads(_QUICKSTART.read_text())
    trained = [arm for name, arm in stored["values"].items() if name not in stored["baselines"]]
    return np.array([[arm[name] for name in TWO_COSTS] for arm in trained], dtype=np.float64)


def studies_like_quickstart(
    n_studies: int, *, seed: int, noise: float = 1.0
) -> Float[ndarray, "study arm objective seed"]:
    """Normal values with the means and the covariance of quickstart over arms and objectives; 8 independent seeds.

    Args:
        n_studies: Number of simulated studies.
        seed: Seed of the generator.
        noise: Factor of the standard deviations between seeds.
    """
    table = quickstart_table()
    n_arms, n_objectives, n_seeds = table.shape
    flat = table.reshape(-1, n_seeds)
    # Eight seeds give a covariance of rank 7, so its root is taken from the deviations themselves.
    root = noise * (flat - flat.mean(axis=1, keepdims=True)) / np.sqrt(n_seeds - 1)
    normal = np.random.default_rng(seed).standard_normal((n_studies, n_seeds, n_seeds))
    values = flat.mean(axis=1)[:, None] + root @ normal
    return np.asarray(values.reshape(n_studies, n_arms, n_objectives, n_seeds))
