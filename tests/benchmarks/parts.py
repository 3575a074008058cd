"""The parts of the work, by stock and by us: each function takes a config and returns one call of forward and backward.

Ours goes through the core's public classes, in one small function for each part.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from core.clips import Clips
from core.losses.build import build_loss
from core.metrics.evaluation import Estimates, evaluate
from core.parameterizations.base import Parameterization
from core.seeding import generator
from core.settings.filters import LearnedFilterConfig
from core.settings.trial import TrialConfig
from core.synths.build import build_synth
from core.synths.filters import LearnedFilter
from core.synths.mod_synth import ModSynth
from core.synths.note import Note, draw_note
from core.training.model import DiscoveryModel, EncodedCurves, build_model
from core.training.optimizers import build_optimizers
from core.training.trainer import train_step
from tests.benchmarks.stock import StockModel, stock_loss, stock_optimizers, stock_step
from tests.benchmarks.stock_curves import StockFrame, StockSpline
from tests.benchmarks.stock_filters import StockLearnedFilter, to_audio_rate
from tests.benchmarks.stock_metrics import rough_estimates, stock_evaluation
from tests.benchmarks.stock_synths import StockModSynth, build_stock_synth

Call = Callable[[], None]
N_EVALUATED = 64


@dataclass(frozen=True, slots=True)
class Part:
    stock: Callable[[TrialConfig], Call]
    ours: Callable[[TrialConfig], Call]


def draw(*purpose: str) -> torch.Generator:
    return generator(0, "benchmark", *purpose)


def clips_of(config: TrialConfig) -> Clips:
    """A batch of noisy saws."""
    batch, audio = config.trainer.batch_size, config.audio
    f0_hz = 110.0 * 4 ** torch.rand(batch, generator=draw("f0"))
    time = torch.arange(audio.n_samples) / audio.sample_rate
    saw = 2 * ((f0_hz[:, None] * time) % 1.0) - 1
    noise = torch.rand(batch, audio.n_samples, generator=draw("noise")) - 0.5
    return Clips(
        ids=tuple(map(str, range(batch))),
        audio=0.3 * saw + 0.05 * noise,
        f0_hz=f0_hz,
        q=torch.rand(batch, generator=draw("q")),
        modulation=None,
    )


def note_of(config: TrialConfig) -> Note:
    return draw_note(clips_of(config), draw("note"), with_noise=False)


def curve_of(config: TrialConfig, name: str) -> Tensor:
    """Slow curves in 0..1, one per clip."""
    batch, n_frames = config.trainer.batch_size, config.audio.n_frames
    rate = 1 + 4 * torch.rand(batch, 1, generator=draw(name))
    return (0.5 + 0.45 * torch.sin(rate * torch.linspace(0, 2 * math.pi, n_frames))).requires_grad_()


def with_backward(forward: Callable[[], Tensor], inputs: list[Tensor]) -> Call:
    """Forward, then gradients of the inputs from a fixed gradient of the output."""
    state: dict[str, Tensor] = {}

    def call() -> None:
        for tensor in inputs:
            tensor.grad = None
        output = forward()
        if "gradient" not in state:
            state["gradient"] = torch.randn(output.shape, generator=draw("gradient"))
        torch.autograd.backward(output, state["gradient"])

    return call


# ------------------------------------------------------------------------------------------------------- whole step


def stock_whole_step(config: TrialConfig) -> Call:
    model, clips = StockModel(config), clips_of(config)
    optimizers, loss = stock_optimizers(model, config), stock_loss(config.loss.resolutions or ())
    return _counted(lambda step: stock_step(model, optimizers, clips, loss, config, step))


def our_whole_step(config: TrialConfig) -> Call:
    model, clips = build_model(config), clips_of(config)
    optimizers, loss = build_optimizers(model, config.optimizer), build_loss(config.loss)
    return _counted(lambda step: float(train_step(model, optimizers, clips, loss, config, step)))


def _counted(step: Callable[[int], float]) -> Call:
    steps = iter(range(10**9))

    def call() -> None:
        if not math.isfinite(step(next(steps))):
            raise ArithmeticError("a benchmark's loss must be a number; this one diverged")

    return call


class Given(nn.Module):
    """Takes the place of the CNN's blocks: the same activations, whatever comes in, times a weight to be trained."""

    def __init__(self, config: TrialConfig) -> None:
        super().__init__()
        encoder = config.encoder
        n_mels = encoder.n_mels // 2 ** len(encoder.dilations)
        shape = (config.trainer.batch_size, encoder.width, n_mels, config.audio.n_frames)
        self.register_buffer("activations", torch.randn(shape, generator=draw("activations")))
        self.scale = nn.Parameter(torch.ones(()))

    activations: Tensor

    def forward(self, _: Tensor) -> Tensor:
        return self.activations * self.scale


def stock_all_but_cnn(config: TrialConfig) -> Call:
    model, clips = StockModel(config), clips_of(config)
    model.curves.encoder.blocks = nn.ModuleList([Given(config)])
    optimizers, loss = stock_optimizers(model, config), stock_loss(config.loss.resolutions or ())
    return _counted(lambda step: stock_step(model, optimizers, clips, loss, config, step))


def our_all_but_cnn(config: TrialConfig) -> Call:
    model, clips = build_model(config), clips_of(config)
    _encoded_curves(model).encoder.blocks = nn.ModuleList([Given(config)])
    optimizers, loss = build_optimizers(model, config.optimizer), build_loss(config.loss)
    return _counted(lambda step: float(train_step(model, optimizers, clips, loss, config, step)))


# ------------------------------------------------------------------------------------------------------------ parts


def _biquad_inputs(config: TrialConfig) -> tuple[Tensor, Tensor, Tensor]:
    batch = config.trainer.batch_size
    logits = torch.randn(batch, config.audio.n_frames, 5, generator=draw("logits")).requires_grad_()
    return clips_of(config).audio.requires_grad_(), logits, curve_of(config, "gain")


def stock_biquad(config: TrialConfig) -> Call:
    audio, logits, gain = _biquad_inputs(config)
    hop_length, n_samples = config.audio.hop_length, config.audio.n_samples
    filter_ = StockLearnedFilter(LearnedFilterConfig(), config.audio, reference=False)

    def forward() -> Tensor:
        filtered: Tensor = filter_(audio, logits)
        return filtered * to_audio_rate(gain[:, None], hop_length, n_samples)[:, 0]

    return with_backward(forward, [audio, logits, gain])


def our_biquad(config: TrialConfig) -> Call:
    return _our_filter(config, "direct")


def our_ladder(config: TrialConfig) -> Call:
    return _our_filter(config, "ladder")


def _our_filter(config: TrialConfig, structure: Literal["ladder", "direct"]) -> Call:
    audio, logits, gain = _biquad_inputs(config)
    filter_ = LearnedFilter(config.audio.hop_length, structure=structure)
    return with_backward(lambda: filter_(audio, logits, gain), [audio, logits, gain])


def stock_oscillator(config: TrialConfig) -> Call:
    synth = build_stock_synth(config.synth, config.audio, reference=False)
    assert isinstance(synth, StockModSynth)
    oscillator = synth.oscillator
    position, note = curve_of(config, "position"), note_of(config)
    return with_backward(lambda: oscillator(position, note), [position, *oscillator.parameters()])


def our_oscillator(config: TrialConfig) -> Call:
    synth = build_synth(config.synth, config.audio)
    assert isinstance(synth, ModSynth)
    oscillator = synth.oscillator
    position, note, n_samples = curve_of(config, "position"), note_of(config), config.audio.n_samples

    def forward() -> Tensor:
        audio: Tensor = oscillator(position, note.f0_hz, note.phase, n_samples)
        return audio

    return with_backward(forward, [position, *oscillator.parameters()])


def _loss_inputs(config: TrialConfig) -> tuple[Tensor, Tensor]:
    target = clips_of(config).audio
    return (0.8 * target + 0.02 * torch.randn(target.shape, generator=draw("estimate"))).requires_grad_(), target


def stock_mss(config: TrialConfig) -> Call:
    estimate, target = _loss_inputs(config)
    loss = stock_loss(config.loss.resolutions or ())
    return with_backward(lambda: loss(estimate[:, None], target[:, None]), [estimate])


def our_mss(config: TrialConfig) -> Call:
    estimate, target = _loss_inputs(config)
    loss = build_loss(config.loss)
    return with_backward(lambda: loss(estimate, target), [estimate])


def _encoded_curves(model: DiscoveryModel) -> EncodedCurves:
    assert isinstance(model.curves, EncodedCurves)
    return model.curves


def _splines(curves: StockFrame | StockSpline | Parameterization, config: TrialConfig) -> Call:
    shape = (config.trainer.batch_size, 3, curves.n_tokens, 2)
    logits = torch.randn(shape, generator=draw("logits")).requires_grad_()
    return with_backward(lambda: curves(logits, 0.5), [logits])


def stock_splines(config: TrialConfig) -> Call:
    return _splines(StockModel(config).curves.parameterization, config)


def our_splines(config: TrialConfig) -> Call:
    return _splines(_encoded_curves(build_model(config)).parameterization, config)


def _features(features: nn.Module, config: TrialConfig) -> Call:
    audio = clips_of(config).audio

    def call() -> None:
        features(audio)

    return call


def stock_features(config: TrialConfig) -> Call:
    return _features(StockModel(config).curves.encoder.features, config)


def our_features(config: TrialConfig) -> Call:
    return _features(_encoded_curves(build_model(config)).encoder.features, config)


def _metrics(evaluation: Callable[[Estimates], object], config: TrialConfig) -> Call:
    estimates = rough_estimates(N_EVALUATED, config.audio)

    def call() -> None:
        evaluation(estimates)

    return call


def stock_metrics(config: TrialConfig) -> Call:
    return _metrics(stock_evaluation, config)


def our_metrics(config: TrialConfig) -> Call:
    return _metrics(lambda estimates: evaluate(estimates).values, config)


PARTS: dict[str, Part] = {
    "step": Part(stock_whole_step, our_whole_step),
    "all-but-cnn": Part(stock_all_but_cnn, our_all_but_cnn),
    "biquad": Part(stock_biquad, our_biquad),
    # No library has a ladder, so it is compared with what stock takes for the same task.
    "ladder": Part(stock_biquad, our_ladder),
    "oscillator-frozen": Part(stock_oscillator, our_oscillator),
    "oscillator-learnable": Part(stock_oscillator, our_oscillator),
    "loss": Part(stock_mss, our_mss),
    "splines": Part(stock_splines, our_splines),
    "splines-warp": Part(stock_splines, our_splines),
    "features": Part(stock_features, our_features),
    "metrics": Part(stock_metrics, our_metrics),
}
