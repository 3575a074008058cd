"""The stock synths: library calls at audio rate.

Curves become controls at audio rate, filter coefficients are computed there, the phase is a float32 running sum. With
`reference` the definition is the core's instead: phase in closed form and float64, filter coefficients computed at
frame rate and interpolated, tables band-limited by the core's gain per harmonic; the operations stay the same.
"""

import math
from typing import assert_never

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from core.ops.sizes import table_read_length
from core.settings.audio import AudioConfig
from core.settings.filters import LearnedFilterConfig
from core.settings.oscillators import FrozenWavetableConfig, LearnableWavetableConfig
from core.settings.synths import (
    EngelConfig,
    FmConfig,
    ModSynthConfig,
    ShanConfig,
    SubtractiveConfig,
    SynthConfig,
)
from core.synths.note import Note
from core.wavetables import load_wavetable
from tests.benchmarks.stock_adapters import StockAdapter
from tests.benchmarks.stock_filters import StockLearnedFilter, StockRbjFilter, to_audio_rate

_ANTIALIAS_TAPS = 129
_PASSBAND = 0.9


def build_stock_synth(
    config: SynthConfig, audio_config: AudioConfig, *, reference: bool
) -> "StockModSynth | StockEngel | StockShan | StockFm | StockSubtractive":
    match config:
        case ModSynthConfig():
            return StockModSynth(config, audio_config, reference=reference)
        case EngelConfig():
            return StockEngel(config, audio_config, reference=reference)
        case ShanConfig():
            return StockShan(config, audio_config, reference=reference)
        case FmConfig():
            return StockFm(config, audio_config, reference=reference)
        case SubtractiveConfig():
            return StockSubtractive(config, audio_config, reference=reference)
        case _:
            assert_never(config)


def cycles(note: Note, audio_config: AudioConfig, *, reference: bool) -> Float[Tensor, "batch sample"]:
    """The oscillator's phase in cycles, not wrapped."""
    n_samples, sample_rate = audio_config.n_samples, audio_config.sample_rate
    if note.bend is not None:
        pitch = note.f0_hz[:, None] * note.bend
        pitch = pitch.double() if reference else pitch
        increment = to_audio_rate(pitch[:, None], audio_config.hop_length, n_samples)[:, 0] / sample_rate
        # The running sum before each sample.
        return increment.cumsum(1) - increment + note.phase.to(increment)[:, None]
    if reference:
        n = torch.arange(n_samples, dtype=torch.float64)
        return note.phase.double()[:, None] + note.f0_hz.double()[:, None] * n / sample_rate
    increment = 2 * math.pi * note.f0_hz[:, None].expand(-1, n_samples) / sample_rate
    return (increment.cumsum(1) + 2 * math.pi * note.phase[:, None]) / (2 * math.pi)


# ------------------------------------------------------------------------------------------------------- Mod. Synth


class StockModSynth(nn.Module):
    """Wavetable (add) -> filter (sub) -> envelope (env)."""

    needs_noise = False

    def __init__(self, config: ModSynthConfig, audio_config: AudioConfig, *, reference: bool) -> None:
        super().__init__()
        self.audio = audio_config
        self.oscillator = StockOscillator(config.oscillator, audio_config, reference=reference)
        self.position_noise = 0.0
        if isinstance(config.oscillator, LearnableWavetableConfig):
            self.position_noise = config.oscillator.position_noise
        self.sub_adapter = None
        self.filter: StockRbjFilter | StockLearnedFilter
        if isinstance(config.filter, LearnedFilterConfig):
            self.sub_adapter = StockAdapter(5)
            self.filter = StockLearnedFilter(config.filter, audio_config, reference=reference)
        else:
            self.filter = StockRbjFilter(config.filter, audio_config, reference=reference)

    def forward(
        self,
        modulation: Float[Tensor, "batch 3 frame"],
        note: Note,
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch sample"]:
        add, sub, env = modulation.unbind(1)
        if curriculum > 0 and self.position_noise > 0:
            noise = torch.randn(add.shape, generator=generator).to(add)
            add = torch.sigmoid(torch.logit(add) + self.position_noise * curriculum * noise)
        audio: Tensor = self.oscillator(add, note)
        if self.sub_adapter is None:
            audio = self.filter(audio, sub, note.q)
        else:
            audio = self.filter(audio, self.sub_adapter(sub))
        return audio * to_audio_rate(env[:, None], self.audio.hop_length, self.audio.n_samples)[:, 0]

    def sound_parameters(self) -> list[nn.Parameter]:
        return list(self.oscillator.parameters())


class StockOscillator(nn.Module):
    """A wavetable read by `grid_sample`."""

    table: Tensor

    def __init__(
        self, config: FrozenWavetableConfig | LearnableWavetableConfig, audio_config: AudioConfig, *, reference: bool
    ) -> None:
        super().__init__()
        self.audio = audio_config
        self.reference = reference
        if isinstance(config, LearnableWavetableConfig):
            self.table = nn.Parameter(0.01 * torch.randn(config.n_positions, config.table_length))
        else:
            self.register_buffer("table", load_wavetable(config.wavetable), persistent=False)
        self.read_length = config.read_length(audio_config)

    def forward(self, position: Float[Tensor, "batch frame"], note: Note) -> Float[Tensor, "batch sample"]:
        audio_config = self.audio
        tables: Tensor
        if self.reference:
            tables = limit_by_gain(self.table, note.highest_hz, audio_config.sample_rate, self.read_length)
        else:
            tables = limit_by_convolution(self.table, note.highest_hz, audio_config.sample_rate)
        # The first column once more behind the last, so that the cycle wraps.
        tables = torch.cat([tables, tables[..., :1]], -1)[:, None]
        row = to_audio_rate(position[:, None], audio_config.hop_length, audio_config.n_samples)[:, 0]
        column = cycles(note, audio_config, reference=self.reference) % 1.0
        # With aligned corners -1 is the middle of the first column or row, 1 that of the last.
        grid = torch.stack([2 * column.to(row) - 1, 2 * row - 1], -1)[:, None]
        sound: Tensor = F.grid_sample(tables, grid, mode="bilinear", padding_mode="border", align_corners=True)
        return sound[:, 0, 0]


def limit_by_convolution(
    table: Float[Tensor, "position sample"], f0_hz: Float[Tensor, " batch"], sample_rate: int
) -> Float[Tensor, "batch position sample"]:
    """Each clip's table, circularly convolved with a Blackman-windowed sinc at 0.9 of what its pitch leaves."""
    length = table.shape[-1]
    half = _ANTIALIAS_TAPS // 2
    cutoff = (_PASSBAND * 0.5 * sample_rate / (f0_hz * length)).clamp(max=0.5)
    n = torch.arange(-half, half + 1, dtype=table.dtype)
    window = torch.blackman_window(_ANTIALIAS_TAPS, periodic=False, dtype=table.dtype)
    kernels = torch.sinc(2 * cutoff[:, None] * n) * window
    kernels = kernels / kernels.sum(-1, keepdim=True)
    padded = F.pad(table[:, None], (half, half), mode="circular")
    return F.conv1d(padded, kernels[:, None]).transpose(0, 1)


def limit_by_gain(
    table: Float[Tensor, "position sample"], f0_hz: Float[Tensor, " batch"], sample_rate: int, n_samples: int
) -> Float[Tensor, "batch position {n_samples}"]:
    """The same by a gain per harmonic: 1 up to 0.9 of Nyquist, from there a raised cosine to 0 at Nyquist."""
    spectrum = torch.fft.rfft(table)
    frequency = torch.arange(spectrum.shape[-1], dtype=table.dtype) * f0_hz[:, None].to(table)
    relative = frequency / (sample_rate / 2)
    gain = 0.5 + 0.5 * torch.cos(math.pi * ((relative - _PASSBAND) / (1 - _PASSBAND)).clamp(0, 1))
    # The highest harmonic of an even length stands for two at a greater one.
    halves = torch.ones_like(gain)
    halves[..., -1] = 0.5 if table.shape[-1] % 2 == 0 and n_samples > table.shape[-1] else 1.0
    limited: Tensor = torch.fft.irfft(spectrum * (gain * halves)[:, None], n=n_samples, norm="forward")
    return limited / table.shape[-1]


# ------------------------------------------------------------------------------------------------------------ Engel


class StockEngel(nn.Module):
    """Sine bank (add) plus filtered noise (sub), times the envelope (env)."""

    needs_noise = True

    def __init__(self, config: EngelConfig, audio_config: AudioConfig, *, reference: bool) -> None:
        super().__init__()
        self.config = config
        self.audio = audio_config
        self.reference = reference
        self.add_adapter = StockAdapter(1 + config.n_harmonics)
        self.sub_adapter = StockAdapter(config.n_noise_bands)

    def forward(
        self,
        modulation: Float[Tensor, "batch 3 frame"],
        note: Note,
        curriculum: float = 0.0,  # noqa: ARG002
        generator: torch.Generator | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch sample"]:
        add, sub, env = modulation.unbind(1)
        harmonics = self.harmonics(exp_sigmoid(self.add_adapter(add)), note)
        noise = self.noise(exp_sigmoid(self.sub_adapter(sub) - 5), note)
        return (harmonics + noise) * to_audio_rate(env[:, None], self.audio.hop_length, self.audio.n_samples)[:, 0]

    def harmonics(self, controls: Float[Tensor, "batch frame control"], note: Note) -> Float[Tensor, "batch sample"]:
        audio_config = self.audio
        number = torch.arange(1, self.config.n_harmonics + 1, dtype=controls.dtype)
        below_nyquist = number * note.highest_hz[:, None].to(controls) < audio_config.sample_rate / 2
        shares = controls[..., 1:] * below_nyquist[:, None]
        shares = shares / shares.sum(-1, keepdim=True).clamp_min(1e-12)
        amplitudes = to_audio_rate(
            (controls[..., :1] * shares).transpose(1, 2), audio_config.hop_length, audio_config.n_samples
        )
        phase = cycles(note, audio_config, reference=self.reference)
        angle = 2 * math.pi * ((phase[:, None] * number[:, None].to(phase)) % 1.0)
        return (amplitudes * torch.sin(angle.to(amplitudes))).sum(1)

    def noise(self, magnitudes: Float[Tensor, "batch frame band"], note: Note) -> Float[Tensor, "batch sample"]:
        """Each hop of white noise through its frame's Hann-windowed FIR, overlap-added."""
        hop_length, n_samples = self.audio.hop_length, self.audio.n_samples
        n_taps = self.config.noise_taps
        response = torch.fft.fftshift(torch.fft.irfft(magnitudes), dim=-1)
        middle = response.shape[-1] // 2
        window = torch.hann_window(n_taps, dtype=magnitudes.dtype)
        taps = response[..., middle - n_taps // 2 : middle + n_taps // 2] * window
        n_blocks = n_samples // hop_length
        size = hop_length + n_taps
        assert note.noise is not None
        blocks = torch.unflatten(note.noise.to(magnitudes), 1, (n_blocks, hop_length))
        filtered = torch.fft.irfft(torch.fft.rfft(blocks, n=size) * torch.fft.rfft(taps[:, :n_blocks], n=size), n=size)
        overlapped = F.fold(
            filtered.transpose(1, 2), (1, (n_blocks - 1) * hop_length + size), (1, size), stride=(1, hop_length)
        )
        return overlapped[:, 0, 0, n_taps // 2 : n_taps // 2 + n_samples]

    def sound_parameters(self) -> list[nn.Parameter]:
        return []


def exp_sigmoid(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return 2 * torch.sigmoid(x) ** math.log(10) + 1e-7


# ------------------------------------------------------------------------------------------------------------ Shan


class StockShan(nn.Module):
    """Tables read side by side by `grid_sample` and added with softmax weights (add) -> filter (sub) -> envelope."""

    needs_noise = False

    def __init__(self, config: ShanConfig, audio_config: AudioConfig, *, reference: bool) -> None:
        super().__init__()
        self.audio = audio_config
        self.reference = reference
        self.read_length = table_read_length(config.table_length, audio_config.sample_rate)
        self.tables = _Tables(config.n_tables, config.table_length)
        self.add_adapter = StockAdapter(config.n_tables)
        self.sub_adapter = StockAdapter(5)
        self.filter = StockLearnedFilter(config.filter, audio_config, reference=reference)

    def forward(
        self,
        modulation: Float[Tensor, "batch 3 frame"],
        note: Note,
        curriculum: float = 0.0,  # noqa: ARG002
        generator: torch.Generator | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch sample"]:
        add, sub, env = modulation.unbind(1)
        weights = torch.softmax(self.add_adapter(add), -1)
        mixed = mix_of_tables(self.tables.table, weights, note, self.audio, self.read_length, reference=self.reference)
        filtered: Tensor = self.filter(mixed, self.sub_adapter(sub))
        return filtered * to_audio_rate(env[:, None], self.audio.hop_length, self.audio.n_samples)[:, 0]

    def sound_parameters(self) -> list[nn.Parameter]:
        return list(self.tables.parameters())


class _Tables(nn.Module):
    def __init__(self, n_tables: int, length: int) -> None:
        super().__init__()
        self.table = nn.Parameter(0.01 * torch.randn(n_tables, length))


def mix_of_tables(
    table: Float[Tensor, "table cycle"],
    weights: Float[Tensor, "batch frame table"],
    note: Note,
    audio_config: AudioConfig,
    read_length: int,
    *,
    reference: bool,
) -> Float[Tensor, "batch sample"]:
    """The tables as channels of an image of one row, read at the phase, and their weighted sum at audio rate."""
    tables: Tensor
    if reference:
        tables = limit_by_gain(table, note.highest_hz, audio_config.sample_rate, read_length)
    else:
        tables = limit_by_convolution(table, note.highest_hz, audio_config.sample_rate)
    tables = torch.cat([tables, tables[..., :1]], -1)[:, :, None]
    column = cycles(note, audio_config, reference=reference) % 1.0
    x = (2 * column.to(weights) - 1)[:, None]
    sounds = F.grid_sample(tables, torch.stack([x, torch.zeros_like(x)], -1), padding_mode="border", align_corners=True)
    return (sounds[:, :, 0] * to_audio_rate(weights.transpose(1, 2), audio_config.hop_length, x.shape[-1])).sum(1)


# -------------------------------------------------------------------------------------------------------------- FM


class StockFm(nn.Module):
    """A sine modulated by a sine (add: index) -> filter (sub) -> envelope (env)."""

    needs_noise = False

    def __init__(self, config: FmConfig, audio_config: AudioConfig, *, reference: bool) -> None:
        super().__init__()
        self.config = config
        self.audio = audio_config
        self.reference = reference
        self.sub_adapter = StockAdapter(5)
        self.filter = StockLearnedFilter(config.filter, audio_config, reference=reference)

    def forward(
        self,
        modulation: Float[Tensor, "batch 3 frame"],
        note: Note,
        curriculum: float = 0.0,  # noqa: ARG002
        generator: torch.Generator | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch sample"]:
        hop_length, n_samples = self.audio.hop_length, self.audio.n_samples
        frames = to_audio_rate(modulation, hop_length, n_samples)
        index = frames[:, 0] * self.largest_index(note.highest_hz)[:, None].to(modulation)
        phase = cycles(note, self.audio, reference=self.reference)
        modulator = torch.sin(2 * math.pi * ((self.config.ratio * phase) % 1.0).to(index))
        sound = torch.sin(2 * math.pi * (phase % 1.0).to(index) + index * modulator)
        filtered: Tensor = self.filter(sound, self.sub_adapter(modulation[:, 1]))
        return filtered * frames[:, 2]

    def largest_index(self, f0_hz: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """The config's, or that at which the first sideband above Nyquist has (index / 2)^k / k! = 0.001."""
        allowed = []
        for pitch in f0_hz.tolist():
            k = max(1, math.ceil((self.audio.sample_rate / (2 * pitch) - 1) / self.config.ratio))
            allowed.append(2 * math.exp((math.log(1e-3) + math.lgamma(k + 1)) / k))
        return torch.tensor(allowed, dtype=torch.float64).clamp(max=self.config.max_index)

    def sound_parameters(self) -> list[nn.Parameter]:
        return []


# ----------------------------------------------------------------------------------------------------- subtractive


class StockSubtractive(nn.Module):
    """Saw and square (add: share of the square) -> low-pass (sub) -> envelope (env)."""

    needs_noise = False
    table: Tensor

    def __init__(self, config: SubtractiveConfig, audio_config: AudioConfig, *, reference: bool) -> None:
        super().__init__()
        self.audio = audio_config
        self.reference = reference
        k = torch.arange(1.0, 1025, dtype=torch.float64)
        angle = 2 * math.pi * torch.arange(4096, dtype=torch.float64)[:, None] / 4096 * k
        saw, square = 2 / (math.pi * k), 4 / (math.pi * k) * (k % 2)
        table = torch.stack([(torch.sin(angle) * amplitude).sum(-1) for amplitude in (saw, square)])
        self.register_buffer("table", table.float(), persistent=False)
        self.filter = StockRbjFilter(config.filter, audio_config, reference=reference)

    def forward(
        self,
        modulation: Float[Tensor, "batch 3 frame"],
        note: Note,
        curriculum: float = 0.0,  # noqa: ARG002
        generator: torch.Generator | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch sample"]:
        add, sub, env = modulation.unbind(1)
        weights = torch.stack([1 - add, add], -1)
        mixed = mix_of_tables(self.table, weights, note, self.audio, self.table.shape[1], reference=self.reference)
        filtered: Tensor = self.filter(mixed, sub, note.q)
        return filtered * to_audio_rate(env[:, None], self.audio.hop_length, self.audio.n_samples)[:, 0]

    def sound_parameters(self) -> list[nn.Parameter]:
        return []
