"""The estimated peak memory of a trial follows its settings, and is within a factor of two of the measured one."""

import math
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ops import adapters, convolution, log_mel, lstm, stft_sums
from core.settings import losses, memory, oscillators
from core.settings.filters import FilterConfig
from core.settings.oscillators import OscillatorConfig
from core.settings.parameterizations import FrameConfig, ParameterizationConfig
from core.settings.presets import PAPER, PRESETS, SMALL
from core.settings.synths import ModSynthConfig, SynthConfig
from core.settings.trial import TrialConfig
from core.training import memory_stages
from core.training.memory_estimate import UNCERTAINTY, MemoryEstimate, estimate_memory
from core.training.memory_remedy import SETTINGS, check_can_fit, memory_remedy, value_at, with_value
from core.training.memory_stages import model_weights
from core.training.model import build_model
from core.training.resolve import resolve_without_data
from core.wavetables.builtin import builtin_wavetable
from tests.benchmarks.memory import QUICK
from tests.support.call_count import calls_of
from tests.support.contracts.synths import every_option
from tests.support.measured_memory import config_of, measured_peaks

GIB = 2.0**30
RAISED = ("audio.hop_length", "parameterization.cutoff_hz")


def variants() -> list[TrialConfig]:
    """The small preset with every parameterization, synth, oscillator and filter."""
    parts: list[dict[str, Any]] = [{"parameterization": SMALL.variant(cls)} for cls in get_args(ParameterizationConfig)]
    parts += [{"synth": SMALL.variant(cls)} for cls in get_args(SynthConfig)]
    parts += [{"synth": synth, "parameterization": FrameConfig()} for synth in every_option()]
    parts += [{"synth": ModSynthConfig(oscillator=SMALL.variant(cls))} for cls in get_args(OscillatorConfig)]  # type: ignore[arg-type]
    parts += [{"synth": ModSynthConfig(filter=SMALL.variant(cls))} for cls in get_args(FilterConfig)]  # type: ignore[arg-type]
    return [replace(SMALL.config, **part) for part in parts]


@pytest.mark.parametrize(
    "config", variants(), ids=lambda config: f"{config.parameterization.kind}, {config.synth.kind}"
)
def test_the_weights_that_are_counted_are_those_of_the_model(config: TrialConfig) -> None:
    model = build_model(resolve_without_data(config))
    n_weights = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert model_weights(config) == pytest.approx(n_weights, rel=0.01, abs=8)


@pytest.mark.parametrize("config", [*variants(), PAPER.config])
def test_every_variant_has_an_estimate_that_grows_with_the_batch(config: TrialConfig) -> None:
    estimate = estimate_memory(config)
    larger = estimate_memory(replace(config, trainer=replace(config.trainer, batch_size=4096)))
    assert 0.8 < estimate.peak / GIB < 30
    is_trained = model_weights(config) > 0
    assert (larger.peak > 2 * estimate.peak) == is_trained
    assert estimate.per_trial < estimate.peak


def test_sizes_that_the_operations_choose_are_the_same_here() -> None:
    pairs = [
        (memory_stages.LSTM_KERNEL_HIDDEN, lstm.MAX_HIDDEN),
        (memory_stages.FEATURE_CHUNK, log_mel._CHUNK_SAMPLES),
        (losses.CHUNK_SAMPLES, stft_sums._CHUNK_SAMPLES),
        (memory.ADAPTER_BLOCK, adapters._BLOCK_SIZE),
        (memory_stages.MIN_PHASE_FRAMES, convolution.MIN_PHASE_FRAMES),
        (oscillators.BUILTIN_TABLE, tuple(builtin_wavetable("sine_to_saw").shape)),
    ]
    for here, there in pairs:
        assert here == there


def test_trials_of_a_machine_share_their_dataset_and_their_libraries() -> None:
    estimate = MemoryEstimate(
        dataset=5.0, building=100.0, model=2.0, step=10.0, evaluation=20.0, shared=400.0, own=500.0
    )
    assert estimate.peak == 400 + 500 + 5 + 120
    assert estimate.per_trial == 500 + 2 + 24
    assert estimate.of_trials(1) == estimate.peak
    assert estimate.of_trials(3) == 400 + 5 + 3 * estimate.per_trial


def test_folders_have_as_many_clips_as_were_found() -> None:
    few, many = (estimate_memory(SMALL.config, (n, n, n)) for n in (10, 10_000))
    assert many.dataset == 1000 * few.dataset
    assert many.evaluation > few.evaluation


def test_on_a_gpu_the_host_does_not_hold_the_batch() -> None:
    config = replace(PAPER.config, device="cuda")
    assert estimate_memory(config).step == 0
    assert estimate_memory(replace(config, trainer=replace(config.trainer, batch_size=4096))).peak == pytest.approx(
        estimate_memory(config).peak
    )


def test_an_estimate_is_little_work() -> None:
    estimate_memory(PAPER.config)
    n_calls, _ = calls_of(lambda: estimate_memory(PAPER.config))
    assert n_calls < 5000


@given(
    path=st.sampled_from([path for path in SETTINGS if path not in (*RAISED, "loss.resolutions", "audio.duration_s")]),
    preset=st.sampled_from(sorted(PRESETS)),
    factor=st.integers(2, 10**9),
    variant=st.integers(0, len(variants()) - 1),
)
def test_more_of_a_setting_never_takes_less(path: str, preset: str, factor: int, variant: int) -> None:
    config = variants()[variant] if preset == "small" else PAPER.config
    value = value_at(config, path)
    if value is None:
        return
    before, after = estimate_memory(config), estimate_memory(with_value(config, path, value * factor))
    assert math.isfinite(after.peak)
    assert after.peak >= before.peak


@given(
    path=st.sampled_from([path for path in SETTINGS if path not in (*RAISED, "loss.resolutions")]),
    factor=st.integers(2, 10**6),
    variant=st.integers(0, len(variants()) - 1),
    limit_gib=st.integers(2, 64),
)
def test_what_is_suggested_fits(path: str, factor: int, variant: int, limit_gib: int) -> None:
    config = variants()[variant]
    value = value_at(config, path)
    if value is None:
        return
    config = with_value(config, path, value * factor)
    limit = limit_gib * GIB
    if estimate_memory(config).peak <= limit:
        return
    remedy = memory_remedy(config, limit)
    assert remedy.changes
    for changed, suggested in remedy.changes:
        config = with_value(config, changed, suggested)
    assert estimate_memory(config).peak <= limit


def test_a_trial_that_cannot_fit_is_not_begun() -> None:
    config = with_value(SMALL.config, "trainer.batch_size", 65_536)
    with pytest.raises(MemoryError, match="needs an estimated 26. GiB of memory.*trainer.batch_size=65536 takes most"):
        check_can_fit(config, 16 * GIB)
    check_can_fit(config, estimate_memory(config).peak / UNCERTAINTY)


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "settings"), QUICK.values(), ids=QUICK.keys())
def test_the_estimate_is_within_a_factor_of_two_of_a_real_trial(preset: str, settings: dict[str, Any]) -> None:
    peaks = measured_peaks(settings, preset)
    measured = max(peaks.imports, peaks.data, peaks.training, peaks.end)
    ratio = estimate_memory(config_of(settings, preset)).peak / measured
    assert 1 / UNCERTAINTY < ratio < UNCERTAINTY
