"""The stock step is the core's by its definition: the same weights, loss and gradients."""

from collections.abc import Callable
from dataclasses import replace
from statistics import median

import pytest
import torch
from auraloss.freq import MultiResolutionSTFTLoss
from torch import Tensor

from core.clips import Clips, Dataset
from core.losses.build import build_loss
from core.metrics.evaluation import evaluate
from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.dotted import nest
from core.settings.loading import apply_settings, parse_assignment, preset_named
from core.settings.trial import TrialConfig
from core.synths.note import draw_note
from core.training.model import DiscoveryModel, build_model
from core.training.optimizers import build_optimizers
from core.training.resolve import resolve
from core.training.trainer import curriculum_strength, evaluation_loss, train_step
from tests.benchmarks.frozen import FROZEN_SMALL
from tests.benchmarks.stock import (
    StockModel,
    stock_loss,
    stock_optimizers,
    stock_step,
    stock_validation_loss,
    train_stock,
)
from tests.benchmarks.stock_metrics import rough_estimates, stock_evaluation
from tests.support.configs import dataset_of

TINY = (
    "audio.duration_s=0.25",
    "audio.hop_length=80",
    "encoder.n_mels=16",
    "encoder.width=4",
    "encoder.dilations=[1,2]",
    "encoder.head_hidden=4",
    "data.n_train=6",
    "data.n_validation=4",
    "data.n_test=1",
    "trainer.max_steps=6",
    "trainer.batch_size=3",
    "device=cpu",
)
# No library has the ladder of the learned filter.
DIRECT = "synth.filter.structure=direct"
WHITE = ()
GREY = (
    "synth.oscillator.kind=learnable",
    "synth.oscillator.table_length=256",
    "synth.filter.kind=learned",
    DIRECT,
)
GREY_BY_LOGITS = (*GREY, "synth.filter.interpolate=logits")
ENGEL = ("synth.kind=engel",)
SHAN = ("synth.kind=shan", "synth.n_tables=5", "synth.table_length=256", DIRECT)
FM = ("synth.kind=fm", "synth.ratio=1.5", DIRECT)
SUBTRACTIVE = ("synth.kind=subtractive",)
SYNTHS = {
    "white": WHITE,
    "grey": GREY,
    "grey-logits": GREY_BY_LOGITS,
    "engel": ENGEL,
    "shan": SHAN,
    "fm": FM,
    "subtractive": SUBTRACTIVE,
}
CURVES = {
    "frame": ("parameterization.kind=frame",),
    "low_pass": ("parameterization.kind=low_pass",),
    "spline": ("parameterization.kind=spline", "parameterization.n_segments=4"),
    "warp": (
        "parameterization.kind=spline",
        "parameterization.n_segments=4",
        "parameterization.evaluation=forward_warp",
    ),
}
BOTH = [(synth, curve) for synth in ("white", "grey", "grey-logits", "engel") for curve in CURVES] + [
    (synth, "low_pass") for synth in ("shan", "fm", "subtractive")
]
each_synth = pytest.mark.parametrize("synth", SYNTHS.values(), ids=SYNTHS)
each_pair = pytest.mark.parametrize(
    ("synth", "curve"), [(SYNTHS[synth], CURVES[curve]) for synth, curve in BOTH], ids=map("-".join, BOTH)
)


def configured(*assignments: str, base: TrialConfig | None = None) -> TrialConfig:
    settings = nest(parse_assignment(text) for text in assignments)
    return resolve(apply_settings(preset_named("small"), settings, base)).config


def tiny(*assignments: str) -> TrialConfig:
    return configured(*TINY, *assignments, base=FROZEN_SMALL)


def small(*assignments: str) -> TrialConfig:
    return configured("data.n_train=4", "data.n_validation=1", "data.n_test=1", *assignments, base=FROZEN_SMALL)


@pytest.fixture(scope="module")
def small_batches() -> list[Clips]:
    clips = dataset_of(small("data.n_train=12")).train
    return [clips[start : start + 4] for start in (0, 4, 8)]


Step = tuple[Tensor, dict[str, Tensor]]
"""Loss and gradients by name."""


def auraloss_in(dtype: torch.dtype, config: TrialConfig) -> MultiResolutionSTFTLoss:
    """With windows of the right type; its own are float32."""
    resolutions = config.loss.resolutions or ()
    loss_function = stock_loss(resolutions)
    for part, resolution in zip(loss_function.stft_losses, resolutions, strict=True):
        part.window = torch.hann_window(resolution.win_length, dtype=dtype)
    return loss_function


def first_steps(config: TrialConfig, clips: Clips, dtype: torch.dtype) -> tuple[Step, Step]:
    """By the stock reference and by the core."""
    ours = build_model(config)
    stock = StockModel(config, reference=True)
    stock.load_state_dict(ours.state_dict())
    auraloss = auraloss_in(dtype, config)

    def by_auraloss(estimate: Tensor, target: Tensor) -> Tensor:
        loss: Tensor = auraloss(estimate[:, None], target[:, None])
        return loss

    sides: tuple[tuple[StockModel | DiscoveryModel, Callable[[Tensor, Tensor], Tensor]], ...]
    sides = (stock, by_auraloss), (ours, build_loss(config.loss))
    found: list[Step] = []
    for model, loss_function in sides:
        model.to(dtype)
        draw = generator(config.seed, "training", 1)
        note = draw_note(clips, draw, with_noise=True)
        assert note.noise is not None
        note = replace(note, f0_hz=note.f0_hz.to(dtype), q=note.q.to(dtype), noise=note.noise.to(dtype))
        audio = clips.audio.to(dtype)
        estimate = model(audio, note, curriculum_strength(config.trainer, 1), draw).audio
        loss = loss_function(estimate, audio)
        names, parameters = zip(*model.named_parameters(), strict=True)
        gradients = torch.autograd.grad(loss, parameters)
        found.append((loss.detach().double(), dict(zip(names, (each.double() for each in gradients), strict=True))))
    return found[0], found[1]


def gradient_errors(expected: Step, found: Step) -> dict[str, float]:
    """Norm of the difference over the norm, of each weight tensor, and of all together under the name "all"."""
    assert expected[1].keys() == found[1].keys()
    pairs = {name: (gradient, found[1][name]) for name, gradient in expected[1].items()}
    whole = tuple(torch.cat([pair[side].flatten() for pair in pairs.values()]) for side in (0, 1))
    return {name: float((b - a).norm() / a.norm().clamp_min(1e-30)) for name, (a, b) in {**pairs, "all": whole}.items()}


def assert_equal_steps(config: TrialConfig, *batches: Clips) -> None:
    """In float64 the loss and each weight tensor's gradient, in float32 the loss and the gradient of all weights.

    A bin in which target and estimate are all but equal turns the sign of its gradient with float32's rounding. Tensors
    whose gradients nearly cancel are then off by a per cent on either side, by stock as by the core, and now and then
    so are all weights together; chance decides whose. So rounding is compared by its median over several batches, and
    not for a single one.
    """
    errors, chance = [], []
    for clips in batches:
        exact, ours = first_steps(config, clips, torch.float64)
        assert float(ours[0]) == pytest.approx(float(exact[0]), rel=1e-10)
        assert {name: error for name, error in gradient_errors(exact, ours).items() if not error < 1e-6} == {}
        stock, ours = first_steps(config, clips, torch.float32)
        assert float(ours[0]) == pytest.approx(float(stock[0]), rel=1e-5)
        errors.append(gradient_errors(exact, ours)["all"])
        chance.append(gradient_errors(exact, stock)["all"])
    if len(batches) > 1:
        assert median(errors) < max(1e-3, 2 * median(chance))


def test_frozen_preset_is_complete_and_loads() -> None:
    assert resolve(FROZEN_SMALL).config == FROZEN_SMALL


@each_pair
def test_stock_takes_the_weights_of_the_core(synth: tuple[str, ...], curve: tuple[str, ...]) -> None:
    config = tiny(*synth, *curve)
    ours = build_model(config)
    assert str(StockModel(config).load_state_dict(ours.state_dict(), strict=True)) == "<All keys matched successfully>"


@each_pair
def test_first_step_equals_the_reference(synth: tuple[str, ...], curve: tuple[str, ...]) -> None:
    config = tiny(*synth, *curve)
    assert_equal_steps(config, dataset_of(config).train[:3])


@pytest.mark.parametrize(
    ("synth", "curve"),
    [("white", "frame"), ("white", "spline"), ("white", "warp"), *((synth, "low_pass") for synth in SYNTHS)],
)
def test_first_step_equals_the_reference_in_the_small_preset(
    synth: str, curve: str, small_batches: list[Clips]
) -> None:
    config = small(*SYNTHS[synth], *CURVES[curve])
    assert_equal_steps(config, *small_batches)


@each_synth
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
def test_first_step_equals_the_reference_at_any_rate_and_batch(
    synth: tuple[str, ...], batch: int, sample_rate: int
) -> None:
    rate = () if sample_rate == 16_000 else ("audio.sample_rate=48000", "audio.hop_length=240", "encoder.n_fft=1024")
    config = tiny(*synth, *rate, f"seed={batch}")
    clips = dataset_of(config).train
    assert_equal_steps(config, *(clips[start : start + batch] for start in range(0, 4, batch)))


@pytest.mark.parametrize("synth", ["white", "engel", "shan", "fm", "subtractive"])
def test_first_step_with_a_vibrato_equals_the_reference(synth: str) -> None:
    config = tiny(*SYNTHS[synth], *CURVES["low_pass"], "synth.vibrato_semitones=1.0")
    clips = dataset_of(config).train
    assert_equal_steps(config, *(clips[start : start + 2] for start in (0, 2, 4)))


def test_steps_and_validation_are_those_of_the_core() -> None:
    """In float64: Adam makes whole steps of gradients that are all rounding."""
    config = tiny(*GREY)
    dataset = dataset_of(config)
    train, validation = (
        replace(clips, audio=clips.audio.double(), f0_hz=clips.f0_hz.double(), q=clips.q.double())
        for clips in (dataset.train, dataset.validation)
    )
    ours, stock = build_model(config).double(), StockModel(config, reference=True).double()
    stock.load_state_dict(ours.state_dict())
    our_optimizers, their_optimizers = build_optimizers(ours, config.optimizer), stock_optimizers(stock, config)
    our_loss, their_loss = build_loss(config.loss), auraloss_in(torch.float64, config)
    for step in range(3):
        expected = stock_step(stock, their_optimizers, train, their_loss, config, step)
        found = train_step(ours, our_optimizers, train, our_loss, config, step)
        assert float(found) == pytest.approx(expected, rel=1e-9)
    expected = stock_validation_loss(stock, validation, their_loss, config)
    assert evaluation_loss(ours, validation, "validation", config, our_loss) == pytest.approx(expected, rel=1e-6)


@each_synth
def test_stock_asks_for_noise_where_the_core_does(synth: tuple[str, ...]) -> None:
    config = tiny(*synth)
    assert StockModel(config).synth.needs_noise == build_model(config).synth.needs_noise


@each_synth
@torch.no_grad()
def test_stock_sounds_like_the_reference(synth: tuple[str, ...]) -> None:
    """It differs by band-limiting, by where coefficients are interpolated and by the drift of its phase, not more."""
    config = tiny(*synth)
    clips = dataset_of(config).train[:3]
    note = draw_note(clips, generator(0, "note"), with_noise=True)
    # A running sum begins one increment later.
    late = replace(note, phase=note.phase - note.f0_hz / config.audio.sample_rate)
    ours = build_model(config)
    modulation = clips.modulation
    sounds = []
    for reference in (True, False):
        stock = StockModel(config, reference=reference)
        stock.load_state_dict(ours.state_dict())
        sounds.append(stock.synth(modulation, note if reference else late))
    assert float((sounds[1] - sounds[0]).norm() / sounds[0].norm()) < 0.25


def test_stock_training_learns_and_is_timed_without_its_validations() -> None:
    config = tiny("optimizer.lr=0.01")
    dataset: Dataset = dataset_of(config)
    history = train_stock(config, dataset, max_steps=20, validate_every=8)
    assert [step for _, step, _ in history] == [8, 16, 20]
    assert history[-1][2] < history[0][2]
    seconds = [second for second, _, _ in history]
    assert seconds == sorted(seconds)
    assert len(train_stock(config, dataset, seconds=1e-6, validate_every=2)) == 1


def test_stock_evaluation_has_the_metrics_of_the_core() -> None:
    estimates = rough_estimates(3, AudioConfig(sample_rate=16_000, duration_s=0.25, hop_length=80))
    values = evaluate(estimates).values
    assert stock_evaluation(estimates) == pytest.approx(values, rel=1e-4)
