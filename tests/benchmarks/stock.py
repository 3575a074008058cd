"""The stock training step: what one writes from libraries alone, for the same config and with the same weights.

torchaudio's features, `Conv2d` with "same" padding, everything after the curves at audio rate, `grid_sample`, torchlpc
with an unfolded FIR, auraloss as documented, schedulefree. Speed is quoted against it. With `reference=True` it has the
core's definitions to the letter (see `stock_synths`), so that only the implementation differs: equality tests compare
with that. Its parameters have the names of the core's model, whose `state_dict` it loads.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
import torchaudio.functional as AF
from auraloss.freq import MultiResolutionSTFTLoss
from jaxtyping import Float
from schedulefree import AdamWScheduleFree
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram

from core.clips import Clips, Dataset
from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.encoder import EncoderConfig
from core.settings.losses import Resolution
from core.settings.trial import TrialConfig
from core.synths.note import Note, draw_note, note_by_id
from core.training.model import Estimate, EstimatedCurves, Phase
from core.training.trainer import batch_indices, curriculum_strength
from tests.benchmarks.stock_curves import StockFrame, StockSpline, build_stock_curves
from tests.benchmarks.stock_synths import build_stock_synth

Quality = Callable[["StockModel"], float]
"""Some measure of a model with its averaged weights."""


class StockModel(nn.Module):
    """Sound to curves to sound."""

    def __init__(self, config: TrialConfig, *, reference: bool = False) -> None:
        super().__init__()
        self.curves = _StockEncodedCurves(config)
        self.vibrato_semitones = config.synth.vibrato_semitones
        self.synth = build_stock_synth(config.synth, config.audio, reference=reference)

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        note: Note,
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,
        phase: Phase = "results",  # noqa: ARG002  (nothing differs between them)
        true_curves: Tensor | None = None,  # noqa: ARG002  (for an oracle)
    ) -> Estimate:
        modulation = self.curves(audio, curriculum)
        if self.vibrato_semitones:
            octaves = self.vibrato_semitones / 12
            bent = replace(note, bend=2 ** (octaves * (2 * modulation[:, -1] - 1)), highest_bend=2**octaves)
            sound = self.synth(modulation[:, :-1], bent, curriculum, generator)
        else:
            sound = self.synth(modulation, note, curriculum, generator)
        curves = EstimatedCurves(
            modulation=modulation,
            numbers=modulation.new_full(modulation.shape[:2], torch.nan),
            penalty=modulation.new_zeros(()),
        )
        return Estimate(sound, curves)


class _StockEncodedCurves(nn.Module):
    def __init__(self, config: TrialConfig) -> None:
        super().__init__()
        self.parameterization = build_stock_curves(config.parameterization, config.audio)
        n_modulations = len(config.synth.modulations)
        self.encoder = StockLfoNet(config.encoder, config.audio, self.parameterization, n_modulations)

    def forward(
        self, audio: Float[Tensor, "batch sample"], curriculum: float = 0.0
    ) -> Float[Tensor, "batch modulation frame"]:
        curves: Tensor = self.parameterization(self.encoder(audio), curriculum)
        return curves


# ---------------------------------------------------------------------------------------------------------- encoder


class StockLfoNet(nn.Module):
    """Features, dilated convolutions, a recurrent head per modulation."""

    def __init__(
        self, config: EncoderConfig, audio_config: AudioConfig, curves: StockFrame | StockSpline, n_modulations: int
    ) -> None:
        super().__init__()
        self.features = StockFeatures(config, audio_config)
        kernel = (config.kernel_mel, config.kernel_time)
        self.blocks = nn.ModuleList(
            StockBlock(3 if i == 0 else config.width, config.width, kernel, dilation)
            for i, dilation in enumerate(config.dilations)
        )
        self.heads = nn.ModuleList(
            StockHead(config.width, config.head_hidden, curves.n_tokens, curves.n_outputs, audio_config.n_frames)
            for _ in range(n_modulations)
        )

    def forward(self, audio: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch modulation token output"]:
        x = self.features(audio)
        for block in self.blocks:
            x = block(x)
        latent = x.mean(2).transpose(1, 2)
        return torch.stack([head(latent) for head in self.heads], 1)


class StockFeatures(nn.Module):
    """log1p(mel / 1e-4), its delta, and the delta of that."""

    def __init__(self, config: EncoderConfig, audio_config: AudioConfig) -> None:
        super().__init__()
        hop_length = audio_config.hop_length * config.stride
        self.win_length = max(3, 2 * round(config.delta_window_s * audio_config.sample_rate / hop_length / 2) + 1)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="At least one mel filterbank")
            self.mel = MelSpectrogram(
                audio_config.sample_rate, n_fft=config.n_fft, hop_length=hop_length, n_mels=config.n_mels
            )
        # Constants, not weights: checkpoints of the core's model have none of them.
        for module in self.mel.modules():
            for name, constant in module.named_buffers(recurse=False):
                module.register_buffer(name, constant, persistent=False)

    def forward(self, audio: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch 3 mel frame"]:
        log_mel = torch.log1p(self.mel(audio) / 1e-4)
        delta = AF.compute_deltas(log_mel, self.win_length)
        return torch.stack([log_mel, delta, AF.compute_deltas(delta, self.win_length)], 1)


class StockBlock(nn.Module):
    def __init__(self, n_in: int, n_out: int, kernel: tuple[int, int], dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel, padding="same", dilation=(1, dilation))
        self.activation = nn.PReLU(n_out)

    def forward(self, x: Float[Tensor, "batch channel mel frame"]) -> Float[Tensor, "batch width half frame"]:
        x = self.conv(F.layer_norm(x, x.shape[-2:]))
        activated: Tensor = self.activation(F.max_pool2d(x, (2, 1)))
        return activated


class StockHead(nn.Module):
    def __init__(self, width: int, hidden: int, n_tokens: int, n_outputs: int, n_frames: int) -> None:
        super().__init__()
        self.n_tokens = n_tokens
        self.n_frames = n_frames
        self.lstm = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)
        middle = (2 * hidden + n_outputs) // 2
        self.mlp = nn.Sequential(
            nn.Linear(2 * hidden, middle),
            nn.PReLU(),
            nn.Linear(middle, middle),
            nn.PReLU(),
            nn.Linear(middle, n_outputs),
        )

    def forward(self, latent: Float[Tensor, "batch frame width"]) -> Float[Tensor, "batch token output"]:
        x, _ = self.lstm(latent)
        if self.n_tokens == self.n_frames:
            if self.n_frames != x.shape[1]:
                x = F.interpolate(x.transpose(1, 2), self.n_frames, mode="linear", align_corners=True).transpose(1, 2)
        else:
            x = F.adaptive_avg_pool1d(x.transpose(1, 2), self.n_tokens).transpose(1, 2)
        logits: Tensor = self.mlp(x)
        return logits


# --------------------------------------------------------------------------------------------------------- training


def stock_loss(resolutions: tuple[Resolution, ...]) -> MultiResolutionSTFTLoss:
    return MultiResolutionSTFTLoss(
        fft_sizes=[r.n_fft for r in resolutions],
        hop_sizes=[r.hop_length for r in resolutions],
        win_lengths=[r.win_length for r in resolutions],
    )


def stock_optimizers(model: StockModel, config: TrialConfig) -> list[AdamWScheduleFree]:
    """One for the synth's own sound, one for everything else; in training mode."""
    sound = model.synth.sound_parameters()
    own = {id(parameter) for parameter in sound}
    others = [parameter for parameter in model.parameters() if id(parameter) not in own]
    settings = config.optimizer
    optimizers = [
        AdamWScheduleFree(
            parameters,
            lr=lr,
            betas=(settings.beta1, settings.beta2),
            weight_decay=settings.weight_decay,
            warmup_steps=settings.warmup_steps,
            r=settings.averaging_power,
        )
        for parameters, lr in ((others, settings.lr), (sound, settings.synth_lr))
        if parameters
    ]
    for optimizer in optimizers:
        optimizer.train()
    return optimizers


def stock_step(
    model: StockModel,
    optimizers: list[AdamWScheduleFree],
    clips: Clips,
    loss_function: MultiResolutionSTFTLoss,
    config: TrialConfig,
    step: int,
) -> float:
    """One optimizer step; its batch, phases and noise are those of the core's trainer."""
    batch = clips[batch_indices(config.seed, len(clips), config.trainer.batch_size, step)]
    draw = generator(config.seed, "training", step)
    note = draw_note(batch, draw, with_noise=model.synth.needs_noise)
    estimate = model(batch.audio, note, curriculum_strength(config.trainer, step), draw).audio
    loss = loss_function(estimate[:, None], batch.audio[:, None])
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), config.trainer.gradient_clip)
    for optimizer in optimizers:
        optimizer.step()
    return float(loss.detach())


def train_stock(
    config: TrialConfig,
    dataset: Dataset,
    *,
    seconds: float = float("inf"),
    max_steps: int | None = None,
    validate_every: int | None = None,
    quality: Quality | None = None,
    weights: dict[str, Tensor] | None = None,
) -> list[tuple[float, int, float]]:
    """Train and return (seconds of training so far, step, validation loss) of each validation; only training is timed.

    Args:
        seconds: End with the first validation after so much training.
        max_steps: End after so many steps; by default those of the config, where `seconds` does not end it.
        validate_every: Steps between validations, by default the config's.
        quality: What is measured of the averaged weights; by default the training loss over the validation clips.
        weights: Initial weights in place of random ones.
    """
    torch.manual_seed(config.seed)
    model = StockModel(config)
    if weights is not None:
        model.load_state_dict(weights)
    optimizers = stock_optimizers(model, config)
    loss_function = stock_loss(config.loss.resolutions or ())
    measure = quality or (lambda model: stock_validation_loss(model, dataset.validation, loss_function, config))
    if max_steps is None:
        max_steps = config.trainer.max_steps if seconds == float("inf") else 10**9
    history, trained_s, step = [], 0.0, 0
    while step < max_steps and trained_s < seconds:
        start = time.perf_counter()
        for _ in range(min(validate_every or config.trainer.validate_every, max_steps - step)):
            stock_step(model, optimizers, dataset.train, loss_function, config, step)
            step += 1
        trained_s += time.perf_counter() - start
        for optimizer in optimizers:
            optimizer.eval()
        history.append((trained_s, step, measure(model)))
        for optimizer in optimizers:
            optimizer.train()
    return history


@torch.no_grad()
def stock_validation_loss(
    model: StockModel, clips: Clips, loss_function: MultiResolutionSTFTLoss, config: TrialConfig
) -> float:
    """Mean over the clips, at phases that belong to the data."""
    note = note_by_id(clips, config.data.seed, "estimate phase", "validation", with_noise=model.synth.needs_noise)
    total = 0.0
    for start in range(0, len(clips), config.trainer.evaluation_batch_size):
        part = slice(start, start + config.trainer.evaluation_batch_size)
        batch = clips[part]
        estimate = model(batch.audio, note[part]).audio
        total += float(loss_function(estimate[:, None], batch.audio[:, None])) * len(batch)
    return total / len(clips)
