"""Rules that join several settings, checked before any work starts."""

from core.config import (
    EngelConfig,
    FrozenWavetableConfig,
    LowPassConfig,
    ModSynthConfig,
    RbjFilterConfig,
    SplineConfig,
    SyntheticDataConfig,
    TrialConfig,
)
from core.errors import ConfigError
from core.losses.mss import standard_resolutions
from core.losses.stft_sums import check_resolution
from core.parameterizations.lowpass import lowpass_kernel
from core.parameterizations.spline import check_spline_size


def check(config: TrialConfig) -> None:
    """
    Raises:
        ConfigError: a rule is broken; the message names it, the values, and what to do.
    """
    try:
        _check_signal(config)
        _check_encoder(config)
        _check_parameterization(config)
        _check_synth(config)
        _check_data(config)
        _check_loss(config)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _check_signal(config: TrialConfig) -> None:
    signal = config.signal
    if signal.n_samples % signal.hop_length:
        raise ConfigError(
            "a clip must be a whole number of hops: "
            f"{signal.n_samples} samples (sample_rate x duration_s) over signal.hop_length={signal.hop_length}; "
            "choose a hop_length that divides it"
        )
    if signal.n_frames < 8:
        raise ConfigError(f"a clip needs at least 8 modulation frames; got {signal.n_frames}; shorten hop_length")


def _check_encoder(config: TrialConfig) -> None:
    encoder = config.encoder
    if encoder.kernel_mel % 2 == 0 or encoder.kernel_time % 2 == 0:
        raise ConfigError(
            "encoder kernels must be odd, so that frames stay in place; got "
            f"kernel_mel={encoder.kernel_mel}, kernel_time={encoder.kernel_time}"
        )
    if encoder.n_mels < 2 ** len(encoder.dilations):
        raise ConfigError(
            f"each block halves the mel bands: {len(encoder.dilations)} blocks need at least "
            f"{2 ** len(encoder.dilations)} of them; got encoder.n_mels={encoder.n_mels}"
        )
    if (config.signal.n_frames - 1) % encoder.stride:
        raise ConfigError(
            f"encoder.stride must divide the clip's {config.signal.n_frames - 1} hops; got {encoder.stride}; "
            "choose another stride or signal.hop_length"
        )
    if encoder.n_fft // 2 >= config.signal.n_samples:
        raise ConfigError(
            "half of encoder.n_fft must be shorter than a clip, which is reflected at its ends; "
            f"got {encoder.n_fft} and {config.signal.n_samples} samples; lower it"
        )


def _check_parameterization(config: TrialConfig) -> None:
    signal = config.signal
    match config.parameterization:
        case LowPassConfig(cutoff_hz=cutoff_hz):
            lowpass_kernel(cutoff_hz, signal.frame_rate)
        case SplineConfig(n_segments=n_segments, degree=degree):
            check_spline_size(n_segments, degree, signal.n_frames)
        case _:
            pass


def _check_synth(config: TrialConfig) -> None:
    match config.synth:
        case ModSynthConfig(oscillator=oscillator, filter=filter_):
            plays_data_table = isinstance(oscillator, FrozenWavetableConfig) and oscillator.wavetable == "data"
            if plays_data_table and not isinstance(config.data, SyntheticDataConfig):
                raise ConfigError(
                    "synth.oscillator.wavetable='data' means the table that made synthetic data; "
                    f"data.kind={config.data.kind!r} has none: name a table, or set synth.oscillator.kind=learnable"
                )
            if isinstance(filter_, RbjFilterConfig):
                _check_rbj(filter_, config.signal.sample_rate, "synth.filter")
        case EngelConfig(n_noise_bands=n_bands, noise_taps=n_taps):
            if n_taps % 2 or n_taps > 2 * (n_bands - 1):
                raise ConfigError(
                    f"synth.noise_taps must be even and at most 2 (n_noise_bands - 1) = {2 * (n_bands - 1)}; "
                    f"got {n_taps}"
                )


def _check_rbj(config: RbjFilterConfig, sample_rate: int, path: str) -> None:
    highest = min(config.max_cutoff_hz, 0.45 * sample_rate)
    if not config.min_cutoff_hz < highest:
        raise ConfigError(
            f"{path}.min_cutoff_hz must lie below the highest cutoff, {highest:g} Hz (never above 0.45 of the sample "
            f"rate); got {config.min_cutoff_hz:g}"
        )
    if not config.min_q < config.max_q:
        raise ConfigError(f"{path}.min_q must be below max_q; got {config.min_q:g} and {config.max_q:g}")


def _check_data(config: TrialConfig) -> None:
    data, nyquist = config.data, config.signal.sample_rate / 2
    if isinstance(data, SyntheticDataConfig):
        if not data.min_f0_hz < data.max_f0_hz <= nyquist / 2:
            raise ConfigError(
                f"notes need data.min_f0_hz < data.max_f0_hz <= {nyquist / 2:g} Hz (a quarter of the sample rate); "
                f"got {data.min_f0_hz:g} and {data.max_f0_hz:g}"
            )
        _check_rbj(data.filter, config.signal.sample_rate, "data.filter")
        return
    if not data.folder:
        raise ConfigError(f"data.kind={data.kind!r} needs a folder: set data.folder=DIR")
    if data.validation_share + data.test_share >= 1:
        raise ConfigError(
            "data.validation_share + data.test_share must leave something to train on; "
            f"got {data.validation_share:g} + {data.test_share:g}"
        )


def _check_loss(config: TrialConfig) -> None:
    n_samples, standard = config.signal.n_samples, standard_resolutions(config.signal.sample_rate)
    for resolution in (*(config.loss.resolutions or ()), *standard):
        check_resolution(resolution, n_samples)
