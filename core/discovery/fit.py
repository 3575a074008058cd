"""The fit of one sound: its curves and its synth by gradient descent on the distance of the sounds, without an encoder.

A single sound needs no network that generalises: the logits of its curves are free, as in the refinement of an
encoder's curves (core.training.refinement), and the synth's weights are those of this sound alone. What may move is
released step by step, from the simplest explanation to the richest:

    1. still     constant curves, one timbre; its distance is that of the best still synth
    2. level     all curves but that of the timbre, from the sound's own level
    3. all       the timbre too (`add`), from how the harmonics deviate from what the others explain
    4. shape     only for curves of few parameters, as `lfo`: started from the curves of a low-pass

A filter or an envelope thus explains what it can before a wavetable, which could explain everything, is free; and the
total variation of the curves is penalised, so that what need not move, rests. Start phases are drawn anew in each step.
Adam: Kingma and Ba (2015), arXiv 1412.6980, with step sizes that fall as a cosine.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.discovery.harmonics import harmonic_levels, n_harmonics
from core.discovery.starts import cycle_of, level_curve, logits_of, timbre_curve
from core.discovery.windowed_controls import windowed_sound
from core.discovery.windows import Windows
from core.losses.base import Loss
from core.losses.build import build_loss
from core.modulations import modulation_names
from core.parameterizations.base import Parameterization
from core.parameterizations.build import build_parameterization
from core.seeding import generator, initialise
from core.settings.audio import AudioConfig
from core.settings.discovery import DiscoverySettings
from core.settings.oscillators import LearnableWavetableConfig
from core.settings.parameterizations import LfoConfig, LowPassConfig, ParameterizationConfig
from core.settings.presets import SMALL
from core.settings.synth_base import VIBRATO
from core.settings.synths import ModSynthConfig
from core.synths.base import Synth
from core.synths.build import build_synth
from core.synths.note import Note

OnStep = Callable[[int, int], None]
"""Called with the numbers of finished and of all steps."""
TIMBRE = "add"
"""The modulation of every synth that moves its timbre."""
_BETAS = (0.9, 0.95)
"""Decay of Adam's averages; the second is short, because stages of a hundred steps have no time for more."""
_LAST_SHARE = 1e-2
"""Step size at the end of a stage, as a share of the first."""
_STILL_LR = 0.1
"""First step of constant curves, in logits."""
_STARTS = {"add": 0.5, "sub": 0.9, "env": 0.6, "vibrato": 0.5}
"""Constant curves at the start: an open filter, and room for a louder sound."""
_QUIET_Q = -2.0
"""Logit of the resonance at the start."""
_FAINT_Q = -4.0
"""The same from a trained arm, whose resonance was 0."""
_SURROGATE_CUTOFF_HZ = 16.0


@dataclass(frozen=True)
class FittedSynth:
    """A synth and the curves that play a sound."""

    synth: Synth[Any]
    curves: Float[Tensor, "modulation frame"]
    windows: Windows
    """Windows in which the curves were found, which are clips to the synth."""
    resonance: float
    """In 0..1."""
    still_estimate: Float[Tensor, " sample"]
    """The sound of the synth with constant curves: the best ones, and those at the means of the curves of an arm."""


@dataclass(frozen=True)
class FitStart:
    """A start of a fit from a trained arm."""

    synth: Synth[Any]
    """Its synth for the length of the sound."""
    parameterization: Parameterization
    windows: Windows
    logits: Float[Tensor, "window modulation token output"]
    """What its encoder predicts for each window."""


@dataclass(frozen=True)
class _Stage:
    """A part of the fit."""

    share: float
    """Share of all steps."""
    held: tuple[str, ...] = ()
    """Curves that stay as they are."""
    is_tied: bool = False
    """Whether all rows of a learned wavetable stay equal."""
    releases_timbre: bool = False
    """Whether the timbre, held until now, starts from the harmonics."""


def fit_sound(
    target: Float[Tensor, " sample"],
    f0_hz: float,
    audio: AudioConfig,
    settings: DiscoverySettings,
    *,
    vibrato: Float[Tensor, " frame"] | None = None,
    on_step: OnStep = lambda *_: None,
) -> FittedSynth:
    """Fit curves and synth to a sound.

    Args:
        target: The sound, of the length of `audio`.
        f0_hz: Its pitch.
        audio: Sample rate, length and hop.
        settings: Synth, parameterization and steps.
        vibrato: The curve from which that of the pitch starts, for a synth that has one; by default it is constant.
        on_step: Called after each step.
    """
    synth = build_synth(settings.synth, audio)
    initialise(synth, settings.seed)
    length = max(settings.window_frames(audio), 4)
    windows = Windows(audio.n_frames, length, max(2, length // 4))
    return _Fit(target, f0_hz, audio, settings, synth, windows, on_step).run(vibrato)


def refine_sound(
    target: Float[Tensor, " sample"],
    f0_hz: float,
    audio: AudioConfig,
    settings: DiscoverySettings,
    start: FitStart,
    *,
    on_step: OnStep = lambda *_: None,
) -> FittedSynth:
    """Fit curves and synth to a sound from those of a trained arm; without steps they are the arm's.

    Args:
        target: The sound at the level at which the arm hears it.
        f0_hz: Its pitch.
        audio: Sample rate and hop of the arm, and the length of the sound.
        settings: Synth and parameterization of the arm, and the steps.
        start: The arm.
        on_step: Called after each step.
    """
    return _Fit(target, f0_hz, audio, settings, start.synth, start.windows, on_step).refine(start)


def loss_of(audio: AudioConfig) -> Loss:
    """The loss of a fit: that of the preset `small`, whose hops are doubled for speed, at the sample rate."""
    small = SMALL.config
    return build_loss(small.loss.at_rate(audio.sample_rate, small.audio.sample_rate))


class _Fit:
    """State of the fit of a sound."""

    def __init__(
        self,
        target: Float[Tensor, " sample"],
        f0_hz: float,
        audio: AudioConfig,
        settings: DiscoverySettings,
        synth: Synth[Any],
        windows: Windows,
        on_step: OnStep,
    ) -> None:
        self.target = target[None]
        self.f0_hz = torch.tensor([f0_hz], dtype=torch.float32)
        self.audio, self.settings, self.on_step = audio, settings, on_step
        self.names = modulation_names(settings.synth.modulations)
        self.random = generator(settings.seed, "discovery")
        self.loss = loss_of(audio)
        self.synth, self.windows = synth, windows
        self.window_audio = AudioConfig(
            sample_rate=audio.sample_rate,
            duration_s=(windows.length - 1) * audio.hop_length / audio.sample_rate,
            hop_length=audio.hop_length,
        )
        self.table = self._learned_table()
        self.n_harmonics = n_harmonics(f0_hz, audio.sample_rate, self._table_length())
        self.levels = self._levels(target)
        self.resonance = torch.tensor(_QUIET_Q, requires_grad=True)
        self.done = 0

    def run(self, vibrato: Float[Tensor, " frame"] | None) -> FittedSynth:
        settings = self.settings
        is_indirect = isinstance(settings.parameterization, LfoConfig)
        own = self._parameterization(settings.parameterization_of(self.window_audio))
        # Curves of few parameters start from those of a low-pass.
        cutoff_hz = min(_SURROGATE_CUTOFF_HZ, self.audio.frame_rate / 10)
        first = self._parameterization(LowPassConfig(cutoff_hz=cutoff_hz)) if is_indirect else own
        stages = [
            (first, _Stage(share=0.4, held=(TIMBRE,), is_tied=True)),
            (first, _Stage(share=0.2 if is_indirect else 0.4, releases_timbre=True)),
        ]
        if is_indirect:
            stages.append((own, _Stage(share=0.2)))
        if self.table is not None:
            with torch.no_grad():
                self.table.copy_(cycle_of(self.levels, self.table.shape[1]) / _STARTS["sub"])
        still = self._still(_Stage(share=0.2, is_tied=True))
        still_curves = still[:, None].expand(-1, self.audio.n_frames)
        still_estimate = self._render(still_curves)
        curves = still_curves.clone()
        env = self.names.index("env")
        curves[env] = (level_curve(self.levels) * min(0.9, 1.3 * float(still[env]))).clamp_min(0.02)
        if vibrato is not None:
            curves[self.names.index(VIBRATO.name)] = vibrato
        for parameterization, stage in stages:
            if stage.releases_timbre:
                curves = self._with_timbre(curves)
            curves = self._run(stage, parameterization, curves)
        return self._result(curves, still_estimate)

    def refine(self, start: FitStart) -> FittedSynth:
        """Descend from the curves of a trained arm, whose filter has no resonance at first."""
        with torch.no_grad():
            self.resonance.fill_(-torch.inf if self.settings.steps == 0 else _FAINT_Q)
        logits = start.logits.clone().requires_grad_()

        def curves() -> Tensor:
            return self.windows.join(start.parameterization(logits))

        self._descend(_Stage(share=1.0), [logits], self.settings.lr, curves, start.parameterization, logits)
        with torch.no_grad():
            found = curves()
        return self._result(found, self._render(found.mean(1, keepdim=True).expand_as(found)))

    def _result(
        self, curves: Float[Tensor, "modulation frame"], still_estimate: Float[Tensor, " sample"]
    ) -> FittedSynth:
        return FittedSynth(
            synth=self.synth,
            curves=curves,
            windows=self.windows,
            resonance=float(torch.sigmoid(self.resonance.detach())),
            still_estimate=still_estimate,
        )

    def _still(self, stage: _Stage) -> Float[Tensor, " modulation"]:
        """Fit constant curves."""
        logits = torch.tensor([_STARTS.get(name, 0.5) for name in self.names]).logit().requires_grad_()

        def curves() -> Tensor:
            return torch.sigmoid(logits)[:, None].expand(-1, self.audio.n_frames)

        self._descend(stage, [logits], _STILL_LR, curves)
        return torch.sigmoid(logits.detach())

    def _run(
        self, stage: _Stage, parameterization: Parameterization, start: Float[Tensor, "modulation frame"]
    ) -> Float[Tensor, "modulation frame"]:
        """Fit curves from a start; those that are held stay exactly as they are."""
        logits = logits_of(parameterization, self.windows.parts(start).transpose(0, 1)).requires_grad_()
        is_held = torch.tensor([name in stage.held for name in self.names])[:, None]

        def curves() -> Tensor:
            return torch.where(is_held, start, self.windows.join(parameterization(logits)))

        self._descend(stage, [logits], self.settings.lr, curves, parameterization, logits)
        with torch.no_grad():
            return curves()

    def _descend(
        self,
        stage: _Stage,
        curve_weights: list[Tensor],
        lr: float,
        curves: Callable[[], Tensor],
        parameterization: Parameterization | None = None,
        logits: Tensor | None = None,
    ) -> None:
        """The steps of a stage."""
        groups = self._groups(curve_weights, lr)
        optimizer = torch.optim.Adam(groups, betas=_BETAS)
        first = [group["lr"] for group in optimizer.param_groups]
        n_steps = round(stage.share * self.settings.steps)
        weight = self.settings.smoothness / self.audio.duration_s
        for step in range(n_steps):
            share = _LAST_SHARE + (1 - _LAST_SHARE) * 0.5 * (1 + math.cos(math.pi * step / n_steps))
            for group, size in zip(optimizer.param_groups, first, strict=True):
                group["lr"] = size * share
            optimizer.zero_grad()
            now = curves()
            phase = torch.rand(1, generator=self.random)
            sound = windowed_sound(self.synth, now, self._note(phase), self.windows)
            total = self.loss(sound[None], self.target)
            total = total + weight * now.diff(dim=1).abs().sum()
            if parameterization is not None and logits is not None:
                total = total + parameterization.penalty(logits)
            total.backward()
            if stage.is_tied and self.table is not None and self.table.grad is not None:
                self.table.grad.copy_(self.table.grad.mean(0, keepdim=True).expand_as(self.table))
            optimizer.step()
            self.done += 1
            self.on_step(self.done, self.settings.steps)

    def _groups(self, curve_weights: list[Tensor], lr: float) -> list[dict[str, Any]]:
        """Parameter groups of the optimizer with their first step sizes."""
        sound = self.synth.sound_parameters()
        ids = {id(parameter) for parameter in sound}
        modules = [each for each in self.synth.parameters() if id(each) not in ids and each.requires_grad]
        groups = [
            (curve_weights, lr),
            ([self.resonance], lr),
            (sound, self.settings.sound_lr),
            (modules, self.settings.module_lr),
        ]
        return [{"params": parameters, "lr": size} for parameters, size in groups if parameters]

    def _with_timbre(self, curves: Float[Tensor, "modulation frame"]) -> Float[Tensor, "modulation frame"]:
        """The curves with that of the timbre from the harmonics, in the direction that is nearer to the target."""
        levels = self._levels(self._render(curves))
        timbre = timbre_curve(self.levels, levels)
        row, found = self.names.index(TIMBRE), []
        for candidate in (timbre, 1 - timbre):
            moved = curves.clone()
            moved[row] = candidate
            with torch.no_grad():
                found.append((float(self.loss(self._render(moved)[None], self.target)), moved))
        return min(found, key=lambda each: each[0])[1]

    def _render(self, curves: Float[Tensor, "modulation frame"]) -> Float[Tensor, " sample"]:
        """The sound of curves at phase 0."""
        with torch.no_grad():
            return windowed_sound(self.synth, curves, self._note(torch.zeros(1)), self.windows)

    def _note(self, phase: Float[Tensor, "1"]) -> Note:
        noise = 2 * torch.rand(self.target.shape, generator=self.random) - 1 if self.synth.needs_noise else None
        return Note(f0_hz=self.f0_hz, q=torch.sigmoid(self.resonance)[None], phase=phase, noise=noise)

    def _levels(self, sound: Float[Tensor, " sample"]) -> Float[Tensor, "frame harmonic"]:
        levels = harmonic_levels(
            sound, self.audio.sample_rate, float(self.f0_hz), self.n_harmonics, self.audio.hop_length
        )
        return levels[: self.audio.n_frames]

    def _learned_table(self) -> nn.Parameter | None:
        synth = self.settings.synth
        is_learned = isinstance(synth, ModSynthConfig) and isinstance(synth.oscillator, LearnableWavetableConfig)
        return self.synth.sound_parameters()[0] if is_learned else None

    def _table_length(self) -> int:
        return 2**20 if self.table is None else self.table.shape[1]

    def _parameterization(self, config: ParameterizationConfig) -> Parameterization:
        built = build_parameterization(config, self.window_audio)
        assert isinstance(built, Parameterization)
        return built
