"""Which changes of the discovered curves leave the sound unchanged, measured with the synths of trained trials.

The test curves of a trial are recovered again, transformed (`core.metrics.symmetries`), and played by the same synth
with the same pitch, resonance, start phase and noise. A clip is unchanged if `audio.mss` between this sound and that of
the curves as they are does not exceed its *floor*: the mean `audio.mss` between sounds of the same curves at
`N_PHASES` other start phases and at its own. Start phases are random in training as well, so that a loss on the sound
does not tell apart what differs by less.

Between the seeds of an arm, the curves of the same sounds are compared by affine maps (`core.metrics.curve_maps`).
Chance is the same map from the curves of other clips, those of the next ones.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from core.clips import Clips
from core.data.dataset_cache import cached_dataset
from core.metrics.audio import mss_distance
from core.metrics.curve_maps import AffineMap, map_of_all_clips, map_per_clip
from core.metrics.symmetries import Transformation, candidates, label, transformed
from core.modulations import modulation_names
from core.settings.loading import from_settings
from core.settings.trial import TrialConfig
from core.statistics.paired import Estimate, mean_with_interval
from core.storage.records import TrialRecord
from core.storage.store import Store
from core.synths.base import Synth
from core.training.trained_synth import trained_model
from core.training.trainer import estimate_clips, sounds_of_inputs

N_PHASES = 4
"""Other start phases whose distances make up the floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A number of one trial: the mean over those clips for which it is defined."""

    arm: str
    seed: int
    modulations: tuple[str, ...]
    change: str
    """The transformation, or the kind of map between seeds."""
    measure: str
    value: float | None
    """None if it is undefined for all clips."""
    n_undefined: int
    """Clips for which it is undefined, or clips of all maps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCurves:
    """The test curves that a trial recovered, and what they are curves of."""

    arm: str
    seed: int
    names: tuple[str, ...]
    clips: Clips
    modulation: Float[Tensor, "clip modulation frame"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedMean:
    """A measure of an arm over its seeds."""

    arm: str
    modulations: tuple[str, ...]
    change: str
    measure: str
    values: dict[int, float]
    """By seed, without those for which it is undefined."""
    n_undefined: int

    @property
    def estimate(self) -> Estimate | None:
        """Mean over seeds with its interval; None if the measure is undefined for all."""
        return mean_with_interval(list(self.values.values())) if self.values else None


def sound_symmetries(store: Store, records: Sequence[TrialRecord]) -> Iterator[tuple[list[Measurement], TrialCurves]]:
    """The measurements of each trial, and its curves.

    The measures of a transformation are `distance` and `floor` (see above), `unchanged` (share of clips), `moves` (mean
    distance of a transformed curve from itself), `target_distance` (`audio.mss` to the target) and `target_rise` (what
    the transformation adds to that).

    Raises:
        StoreError, DataError: weights or data cannot be read.
    """
    for record in records:
        config = from_settings(record.config)
        model = trained_model(store.attempt_of(record), config)
        clips = cached_dataset(config).test
        curves = estimate_clips(model, clips, "test", config).curves
        names = modulation_names(config.synth.modulations)
        values = transformation_measures(model.synth, clips, curves.modulation, curves.controls, config)
        found = [
            _measurement(record.arm, record.seed, [names[i] for i in change.modulations], label(change), measure, row)
            for change, measures in values
            for measure, row in measures.items()
        ]
        yield (
            found,
            TrialCurves(arm=record.arm, seed=record.seed, names=names, clips=clips, modulation=curves.modulation),
        )


def transformation_measures(
    synth: Synth[Any],
    clips: Clips,
    modulation: Float[Tensor, "clip modulation frame"],
    controls: Float[Tensor, "clip control frame"] | None,
    config: TrialConfig,
) -> Iterator[tuple[Transformation, dict[str, Float[Tensor, " clip"]]]]:
    """The measures per clip of each candidate.

    Args:
        synth: What plays the curves.
        clips: The test clips.
        modulation: Their recovered curves.
        controls: Free controls of a granular synth, which stay as they are; None for others.
        config: The config of the trial.
    """
    rate, frame_rate = config.audio.sample_rate, config.audio.frame_rate

    def sounds(curves: Tensor, other_phase: int | None = None) -> Tensor:
        inputs = curves if controls is None else torch.cat([curves, controls], 1)
        return sounds_of_inputs(synth, clips, inputs, "test", config, other_phase)

    own = sounds(modulation)
    others = [mss_distance(own, sounds(modulation, phase), rate) for phase in range(N_PHASES)]
    floor = torch.stack(others).mean(0)
    own_to_target = mss_distance(clips.audio, own, rate)
    for change in candidates(config.synth.modulations, len(clips), modulation.shape[-1], frame_rate):
        curves = transformed(change, modulation, frame_rate)
        changed = sounds(curves)
        distance = mss_distance(own, changed, rate)
        to_target = mss_distance(clips.audio, changed, rate)
        is_known = distance.isfinite() & floor.isfinite()
        places = list(change.modulations)
        yield (
            change,
            {
                "moves": (curves - modulation)[:, places].abs().mean((1, 2)),
                "distance": distance,
                "floor": floor,
                "unchanged": torch.where(is_known, (distance <= floor).to(distance), torch.nan),
                "target_distance": to_target,
                "target_rise": to_target - own_to_target,
            },
        )


def maps_between_seeds(trials: Sequence[TrialCurves]) -> Iterator[Measurement]:
    """The maps to the curves of each trial of an arm from those of the other seeds that had the same sounds.

    Each value is a mean over the other seeds, so that values of two seeds share the maps between them. The measures are
    `r2.lls1`, `r2.lls3`, their `chance.lls1` and `chance.lls3`, and `negative`, the share of negative slopes.
    """
    for target in trials:
        sources = [each for each in trials if each.seed != target.seed and _same_sounds(each, target)]
        if not sources:
            continue
        for change, fit in (("map of each clip", map_per_clip), ("one map of all clips", map_of_all_clips)):
            maps = [fit(source.modulation, target.modulation) for source in sources]
            chances = [fit(source.modulation.roll(-1, 0), target.modulation) for source in sources]
            for measure, values in _measures_of_maps(maps, chances).items():
                for place, name in enumerate(target.names):
                    yield _measurement(target.arm, target.seed, [name], change, measure, values[:, place])


def over_seeds(measurements: Sequence[Measurement]) -> list[SeedMean]:
    """The measurements of the same quantity together, in the order of the first of each."""
    grouped: dict[tuple[str, tuple[str, ...], str, str], list[Measurement]] = {}
    for each in measurements:
        grouped.setdefault((each.arm, each.modulations, each.change, each.measure), []).append(each)
    return [
        SeedMean(
            arm=arm,
            modulations=modulations,
            change=change,
            measure=measure,
            values={each.seed: each.value for each in group if each.value is not None},
            n_undefined=sum(each.n_undefined for each in group),
        )
        for (arm, modulations, change, measure), group in grouped.items()
    ]


# ---------------------------------------------------------------------------------------------------------------------


def _measurement(
    arm: str, seed: int, modulations: Sequence[str], change: str, measure: str, values: Float[Tensor, " clip"]
) -> Measurement:
    """The mean of the finite values of some clips."""
    finite = values[values.isfinite()]
    mean = float(finite.mean()) if len(finite) else math.nan
    return Measurement(
        arm=arm,
        seed=seed,
        modulations=tuple(modulations),
        change=change,
        measure=measure,
        value=None if math.isnan(mean) else mean,
        n_undefined=len(values) - len(finite),
    )


def _measures_of_maps(
    maps: Sequence[AffineMap], chances: Sequence[AffineMap]
) -> dict[str, Float[Tensor, "clip modulation"]]:
    """The measures of all maps, one after the other."""
    slopes = torch.cat([each.slope for each in maps])
    return {
        "r2.lls1": torch.cat([each.r2_same for each in maps]),
        "chance.lls1": torch.cat([each.r2_same for each in chances]),
        "r2.lls3": torch.cat([each.r2_all for each in maps]),
        "chance.lls3": torch.cat([each.r2_all for each in chances]),
        "negative": torch.where(slopes.isnan(), torch.nan, (slopes < 0).to(slopes)),
    }


def _same_sounds(first: TrialCurves, second: TrialCurves) -> bool:
    """Whether the curves are those of the same clips; seeds may have sounds of different wavetables."""
    return first.clips.ids == second.clips.ids and torch.equal(first.clips.audio, second.clips.audio)
