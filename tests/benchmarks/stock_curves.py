"""The stock parameterizations: logits of the encoder's heads to curves in 0..1."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from core.settings.audio import AudioConfig
from core.settings.parameterizations import FrameConfig, LowPassConfig, ParameterizationConfig, SplineConfig


def build_stock_curves(config: ParameterizationConfig, audio_config: AudioConfig) -> "StockFrame | StockSpline":
    match config:
        case FrameConfig():
            return StockFrame(audio_config)
        case LowPassConfig(cutoff_hz=cutoff_hz):
            return StockFrame(audio_config, cutoff_hz)
        case SplineConfig():
            return StockSpline(config, audio_config)
        case _:
            raise ValueError(f"the stock step has no parameterization {config.kind!r}; it needs one that learns")


class StockFrame(nn.Module):
    """Sigmoid per frame, then, where there is a cutoff, a sinc times Blackman over the sinc's main lobe."""

    n_outputs = 1
    taps: Tensor | None

    def __init__(self, audio_config: AudioConfig, cutoff_hz: float | None = None) -> None:
        super().__init__()
        self.n_tokens = audio_config.n_frames
        taps = None
        if cutoff_hz is not None:
            half = math.floor(audio_config.frame_rate / (2 * cutoff_hz))
            n = torch.arange(-half, half + 1, dtype=torch.float64)
            taps = torch.sinc(2 * cutoff_hz / audio_config.frame_rate * n)
            taps = taps.clamp_min(0) * torch.blackman_window(2 * half + 1, periodic=False, dtype=torch.float64)
            taps = (taps / taps.sum()).float().clamp_min(0)
        self.register_buffer("taps", taps, persistent=False)

    def forward(
        self,
        logits: Float[Tensor, "batch modulation token 1"],
        curriculum: float = 0.0,  # noqa: ARG002
    ) -> Float[Tensor, "batch modulation frame"]:
        curves = torch.sigmoid(logits[..., 0])
        if self.taps is None:
            return curves
        half = len(self.taps) // 2
        padded = F.pad(curves.flatten(0, 1)[:, None], (half, half), mode="replicate")
        return F.conv1d(padded, self.taps[None, None]).view(curves.shape)


class StockSpline(nn.Module):
    """Piecewise Bezier curves with learned knots: By(Bx^-1(t)), or By(Bx(t)) for the forward warp."""

    n_outputs = 2
    time: Tensor

    def __init__(self, config: SplineConfig, audio_config: AudioConfig) -> None:
        super().__init__()
        self.config = config
        self.n_intervals = config.n_segments * config.degree
        self.n_tokens = self.n_intervals + 1
        self.register_buffer("time", torch.linspace(0, 1, audio_config.n_frames, dtype=torch.float64), persistent=False)

    def forward(
        self, logits: Float[Tensor, "batch modulation token 2"], curriculum: float = 0.0
    ) -> Float[Tensor, "batch modulation frame"]:
        config = self.config
        share = torch.softmax(logits[..., 1:, 0] / config.temperature, -1)
        spacing = config.min_spacing / self.n_intervals + (1 - config.min_spacing) * share
        zero = torch.zeros_like(spacing[..., :1])
        x = torch.cat([zero, spacing.cumsum(-1)[..., :-1], zero + 1], -1)
        y = 0.5 + 0.5 * (1 - 1e-3) * torch.tanh(logits[..., 1])
        if config.chord_curriculum and curriculum > 0:
            x, y = self.straightened(x, curriculum), self.straightened(y, curriculum)
        if config.evaluation == "inverse":
            return self.over_time(x, y)
        return self.at(y, self.at(x, self.time.to(x).expand(*x.shape[:-1], -1)))

    def straightened(self, points: Float[Tensor, "*shape point"], curriculum: float) -> Float[Tensor, "*shape point"]:
        """Inner control points moved towards the chord of their segment."""
        degree = self.config.degree
        ends = points[..., ::degree]
        fraction = torch.arange(degree, dtype=points.dtype) / degree
        chord = torch.lerp(ends[..., :-1, None], ends[..., 1:, None], fraction).flatten(-2)
        return torch.cat([torch.lerp(points[..., :-1], chord, curriculum), points[..., -1:]], -1)

    def at(
        self, points: Float[Tensor, "*shape point"], parameter: Float[Tensor, "*shape frame"]
    ) -> Float[Tensor, "*shape frame"]:
        """The curve at a parameter in 0..1 that gives each segment an equal share."""
        position = parameter * self.config.n_segments
        segment = position.detach().floor().long().clamp(0, self.config.n_segments - 1)
        return bezier(self.of_segment(points, segment), position - segment)

    def over_time(
        self, x: Float[Tensor, "*shape point"], y: Float[Tensor, "*shape point"]
    ) -> Float[Tensor, "*shape frame"]:
        """Bx inverted by bracketed Newton in float64; one more step at the solution carries the gradient."""
        degree, n_segments = self.config.degree, self.config.n_segments
        x = x.double()
        time = self.time.expand(*x.shape[:-1], -1).contiguous()
        inner_ends = x.detach()[..., degree:-1:degree].contiguous()
        segment = torch.searchsorted(inner_ends, time, right=True).clamp(0, n_segments - 1)
        x_points = self.of_segment(x, segment)
        with torch.no_grad():
            solution = inverse(x_points, time)
            slope = bezier_slope(x_points, solution)
        local = solution - (bezier(x_points, solution) - time) / slope
        return bezier(self.of_segment(y, segment), local.to(y))

    def of_segment(
        self, points: Float[Tensor, "*shape point"], segment: Int[Tensor, "*shape frame"]
    ) -> Float[Tensor, "*shape frame control"]:
        index = segment[..., None] * self.config.degree + torch.arange(self.config.degree + 1)
        return points.gather(-1, index.flatten(-2)).view(index.shape)


def bezier(points: Float[Tensor, "*shape control"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """De Casteljau's algorithm."""
    while points.shape[-1] > 1:
        points = torch.lerp(points[..., :-1], points[..., 1:], v[..., None])
    return points[..., 0]


def bezier_slope(points: Float[Tensor, "*shape control"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return (points.shape[-1] - 1) * bezier(points.diff(dim=-1), v)


def inverse(points: Float[Tensor, "*shape control"], value: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    start, end = points[..., 0], points[..., -1]
    low, high = torch.zeros_like(value), torch.ones_like(value)
    v = ((value - start) / (end - start)).clamp(0, 1)
    for _ in range(80):
        residual = bezier(points, v) - value
        if residual.abs().max() < 1e-13:
            break
        low, high = torch.where(residual < 0, v, low), torch.where(residual > 0, v, high)
        newton = v - residual / bezier_slope(points, v)
        v = torch.where((newton > low) & (newton < high), newton, (low + high) / 2)
    return v
