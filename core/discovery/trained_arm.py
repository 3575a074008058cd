"""The trained encoder and synth of an arm, applied to sounds of any length without training.

Sounds are cut into windows of the arm's clip length that overlap by a quarter, the windows of many sounds are encoded
together, and the curves of a sound are joined without a step (core.discovery.windows). The synth maps them to controls
in the same windows (core.discovery.windowed_controls) and renders these at the sound's full length. A sound that is as
long as a clip has one window, and thus the curves and the sound of the arm's evaluation, unless that refined them.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from core.clips import Clips
from core.data.sources.audio_folder import CLIP_PEAK
from core.discovery.fit import FitStart
from core.discovery.windowed_controls import windowed_controls
from core.discovery.windows import Windows
from core.errors import ConfigError
from core.metrics.audio import mss_distance
from core.modulations import Modulation
from core.settings.audio import AudioConfig
from core.settings.trial import TrialConfig
from core.storage.store import Attempt
from core.synths.base import Synth
from core.synths.build import build_synth
from core.synths.note import note_by_id
from core.training.model import DiscoveryModel, EncodedCurves
from core.training.trained_synth import trained_model
from core.wavetables.turns import with_wavetable_of_seed

WINDOWS_AT_ONCE = 64
"""Windows that are encoded together."""
_SAMPLES_AT_ONCE = 2**20
"""Samples of equally long sounds that are played together, unless a single one has more."""
_OVERLAP = 4
"""Windows share at least one of so many parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PitchedSound:
    """A sound with all that a trained arm needs to know of it."""

    id: str
    """From which start phase and noise of the synth are drawn."""
    audio: Float[ndarray, " sample"]
    """At the arm's sample rate, with a peak of 1."""
    gain: float
    """What the file's samples were multiplied by to get `audio`."""
    f0_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedSound:
    """What an arm makes of a sound."""

    sound: PitchedSound
    curves: Float[ndarray, "modulation frame"]
    """In 0..1, in the order of the arm's modulations; the last frame is at or behind the end of the sound."""
    estimate: Float[ndarray, " sample"]
    """The sound of the synth, as long as `sound.audio` and at its level."""
    mss: float
    """Distance `audio.mss` of the estimate."""
    effects: tuple[float, ...]
    """Rise of that distance when the curve of a modulation is held at its mean, for each modulation."""


class TrainedArm:
    """The model of a trained trial, for any sounds."""

    def __init__(self, model: DiscoveryModel, config: TrialConfig) -> None:
        """Wrap a model.

        Args:
            model: A trained model with an encoder, on the CPU.
            config: The resolved config of its trial.

        Raises:
            ConfigError: the curves of the arm do not depend on the sound.
        """
        kind = config.parameterization.kind
        if config.parameterization.is_baseline or not isinstance(model.curves, EncodedCurves):
            raise ConfigError(
                f"only an arm whose curves are those of an encoder can be applied; those of {kind} do not depend on "
                "the sound; name another arm"
            )
        self.config = config
        self.model = model
        self._encode: EncodedCurves = model.curves
        self._synth = model.synth
        self._synths: dict[int, Synth[Any]] = {config.audio.n_samples: model.synth}

    @classmethod
    def load(cls, attempt: Attempt, config: TrialConfig) -> "TrainedArm":
        """The arm from the stored weights of a trial.

        Raises:
            ConfigError: the curves of the arm do not depend on the sound.
            DamageError, StoreError, DataError: as for `trained_model`.
        """
        return cls(trained_model(attempt, config), config)

    @property
    def audio(self) -> AudioConfig:
        """Settings of the clips on which the arm was trained."""
        return self.config.audio

    @property
    def modulations(self) -> tuple[Modulation, ...]:
        """The modulations of the synth."""
        return self.config.synth.modulations

    @property
    def peak(self) -> float | None:
        """Peak of the sounds in training; None if they were as loud as in their files."""
        return None if self.config.data.keeps_level else CLIP_PEAK

    def windows(self, n_samples: int) -> Windows:
        """The windows of a sound of this many samples."""
        n_frames = -(-n_samples // self.audio.hop_length) + 1
        return Windows(n_frames, self.audio.n_frames, self.audio.n_frames // _OVERLAP)

    @torch.inference_mode()
    def inputs(self, sounds: Sequence[PitchedSound]) -> list[Float[Tensor, "channel frame"]]:
        """What the synth has to play for each sound: the curves, followed by the free controls of a granular synth."""
        layouts = [self.windows(len(sound.audio)) for sound in sounds]
        cut = [
            layout.cut(self._scaled(sound), self.audio.hop_length)
            for layout, sound in zip(layouts, sounds, strict=True)
        ]
        encoded = torch.cat([self._encode(batch).inputs for batch in torch.split(torch.cat(cut), WINDOWS_AT_ONCE)])
        of_sounds = torch.split(encoded, [len(windows) for windows in cut])
        return [layout.join(windows) for layout, windows in zip(layouts, of_sounds, strict=True)]

    @torch.no_grad()
    def start_of(self, sound: PitchedSound) -> FitStart:
        """The start of a fit of a sound: the logits of its windows, and a copy of the synth for its length.

        Raises:
            ConfigError: the synth is granular, so that most of its controls have no curves.
        """
        if self._encode.is_granular:
            raise ConfigError(
                "a fit starts from an arm whose synth is controlled by curves; this one is granular; name another arm"
            )
        windows = self.windows(len(sound.audio))
        cut = windows.cut(self._scaled(sound), self.audio.hop_length)
        logits = torch.cat([self._encode.logits(batch)[0] for batch in torch.split(cut, WINDOWS_AT_ONCE)])
        n_samples = (windows.n_frames - 1) * self.audio.hop_length
        return FitStart(
            synth=copy.deepcopy(self._synth_of_length(n_samples)),
            parameterization=self._encode.parameterization,
            windows=windows,
            logits=logits.clone(),
        )

    @torch.inference_mode()
    def play(
        self, sounds: Sequence[PitchedSound], inputs: Float[Tensor, "sound channel frame"]
    ) -> Float[Tensor, "sound sample"]:
        """What the synth plays for equally long sounds, at the level at which the arm hears them.

        Resonance is 0; start phase and noise are those of a test clip with the same id.
        """
        n_samples = (inputs.shape[-1] - 1) * self.audio.hop_length
        clips = Clips(
            ids=tuple(sound.id for sound in sounds),
            audio=torch.empty(len(sounds), n_samples),
            f0_hz=torch.tensor([sound.f0_hz for sound in sounds]),
            q=torch.zeros(len(sounds)),
            modulation=None,
        )
        synth = self._synth_of_length(n_samples)
        note = note_by_id(clips, self.config.data.seed, "estimate phase", "test", with_noise=synth.needs_noise)
        curves, note = synth.split_vibrato(inputs, note)
        played: Tensor = synth.render(windowed_controls(synth, curves, self.windows(n_samples)), note)
        return played

    def apply(self, sounds: Sequence[PitchedSound]) -> Iterator[AppliedSound]:
        """What the arm makes of each sound, in order; few dozens of sounds at once use the least time."""
        inputs = self.inputs(sounds)
        results: dict[int, AppliedSound] = {}
        for places in self._equally_long(sounds):
            own = [sounds[place] for place in places]
            of_own = self._applied(own, torch.stack([inputs[place] for place in places]))
            results.update(zip(places, of_own, strict=True))
        for place in range(len(sounds)):
            yield results.pop(place)

    # -----------------------------------------------------------------------------------------------------------------

    def _scaled(self, sound: PitchedSound) -> Float[Tensor, " sample"]:
        """A sound at the level at which the arm hears it."""
        return torch.from_numpy(sound.audio) * self.level(sound)

    def level(self, sound: PitchedSound) -> float:
        """The factor that brings a sound to the level at which sounds were in training."""
        return 1 / sound.gain if self.peak is None else self.peak

    @torch.inference_mode()
    def _applied(
        self, sounds: Sequence[PitchedSound], inputs: Float[Tensor, "sound channel frame"]
    ) -> list[AppliedSound]:
        """What the arm makes of sounds of the same length in samples."""
        n_samples, n_modulations = len(sounds[0].audio), len(self.modulations)
        target = torch.stack([self._scaled(sound) for sound in sounds])
        estimate = self.play(sounds, inputs)[:, :n_samples]
        mss = self._mss(target, estimate)
        rises = []
        for index in range(n_modulations):
            held = inputs.clone()
            held[:, index] = inputs[:, index].mean(-1, keepdim=True)
            rises.append(self._mss(target, self.play(sounds, held)[:, :n_samples]) - mss)
        effects = torch.stack(rises, 1).tolist()
        return [
            AppliedSound(
                sound=sound,
                curves=inputs[place, :n_modulations].numpy(),
                estimate=(estimate[place] / self.level(sound)).numpy(),
                mss=float(mss[place]),
                effects=tuple(effects[place]),
            )
            for place, sound in enumerate(sounds)
        ]

    def _mss(
        self, target: Float[Tensor, "sound sample"], estimate: Float[Tensor, "sound sample"]
    ) -> Float[Tensor, " sound"]:
        """Distance `audio.mss`, of sounds shorter than a clip with silence behind them, as for clips in training."""
        n_missing = max(0, self.audio.n_samples - target.shape[1])
        target, estimate = (torch.nn.functional.pad(audio, (0, n_missing)) for audio in (target, estimate))
        return mss_distance(target, estimate, self.audio.sample_rate)

    def _equally_long(self, sounds: Sequence[PitchedSound]) -> Iterator[list[int]]:
        """Places of sounds of the same length, as many as are played together."""
        by_length: dict[int, list[int]] = {}
        for place, sound in enumerate(sounds):
            by_length.setdefault(len(sound.audio), []).append(place)
        for n_samples, places in by_length.items():
            n_at_once = max(1, _SAMPLES_AT_ONCE // n_samples)
            yield from (places[start : start + n_at_once] for start in range(0, len(places), n_at_once))

    def _synth_of_length(self, n_samples: int) -> Synth[Any]:
        """The synth for sounds of this many samples, with the same weights."""
        if n_samples not in self._synths:
            config = with_wavetable_of_seed(self.config)
            synth = build_synth(config.synth, replace(config.audio, duration_s=n_samples / config.audio.sample_rate))
            synth.load_state_dict(self._synth.state_dict())
            self._synths = {self.audio.n_samples: self._synth, n_samples: synth.eval()}
        return self._synths[n_samples]
