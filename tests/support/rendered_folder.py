"""A folder of renders whose sounds are the curves of their envelopes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.data.lfo_shapes import draw_lfo
from core.data.manifest_columns import MODULATIONS
from core.data.renderers.folder import RenderSettings, RenderSummary, Take, fill_folder


def render_settings(**changes: Any) -> RenderSettings:
    """Eight sounds of one second."""
    settings: dict[str, Any] = {
        "renderer": "fake",
        "recipe": 1,
        "n": 8,
        "seed": 3,
        "sample_rate": 32_000,
        "duration_s": 1.0,
        "source": {"wavetable": "none"},
    }
    return RenderSettings(**settings | changes)


def takes_of(settings: RenderSettings, rendered: list[int] | None = None, per_patch: int = 2) -> Callable[[int], Take]:
    """The takes by number; the numbers of those that are rendered are appended to `rendered`."""

    def take(number: int) -> Take:
        rng = np.random.default_rng([settings.seed, number])
        lfos = {name: draw_lfo(rng) for name in MODULATIONS}

        def render() -> Float[ndarray, " sample"]:
            if rendered is not None:
                rendered.append(number)
            n_samples = round(settings.sample_rate * settings.duration_s)
            return np.asarray(0.5 * lfos["env"].at(np.arange(n_samples) / n_samples))

        patch = f"patch{number // per_patch}"
        return Take(patch=patch, f0_hz=100.0 + number, lfos=lfos, patch_settings={}, render=render)

    return take


def fill(folder: Path, rendered: list[int] | None = None, **changes: Any) -> RenderSummary:
    """Render the takes that a folder lacks."""
    settings = render_settings(**changes)
    return fill_folder(folder, settings, takes_of(settings, rendered))
