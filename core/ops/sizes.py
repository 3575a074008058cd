"""Which sizes the operations accept, as plain arithmetic: config classes check them without importing torch."""

import math
from typing import Protocol, runtime_checkable


def size_at_rate(n_samples: int, sample_rate: int, from_rate: int) -> int:
    """A size in samples for another sample rate, at least as long in seconds, scaled by a power of two as FFTs want."""
    return round(n_samples * 2.0 ** math.ceil(math.log2(sample_rate / from_rate)))


def check_spline_size(n_segments: int, degree: int, n_frames: int) -> None:
    """
    Raises:
        ValueError: the spline has more free numbers than there are frames to describe.
    """
    free = 2 * n_segments * degree + 1
    if free > n_frames:
        raise ValueError(
            f"a spline needs at most as many free numbers as frames: n_segments={n_segments} of degree={degree} have "
            f"{free}, over n_frames={n_frames}; lower n_segments to {max_spline_segments(degree, n_frames)} "
            "or shorten hop_length"
        )


def max_spline_segments(degree: int, n_frames: int) -> int:
    """Largest number of segments of a spline that has at most as many free numbers as frames, at least 1."""
    return max(1, (n_frames - 1) // (2 * degree))


def check_free_numbers(n_free: int, n_frames: int, setting: str) -> None:
    """
    Raises:
        ValueError: a curve has more free numbers than there are frames to describe.
    """
    if n_free > n_frames:
        raise ValueError(
            f"a curve needs at most as many free numbers as frames: {setting} gives {n_free}, over "
            f"n_frames={n_frames}; lower it or shorten hop_length"
        )


MIN_LFO_PERIODS = 0.25
"""Smallest number of periods of an oscillator in a clip; the rate of less is not to be seen."""
MAX_LFO_SHARE = 0.25
"""Largest rate of an oscillator as a share of the frame rate."""


def check_lfo_rates(min_rate_hz: float, max_rate_hz: float, frame_rate: float, duration_s: float) -> None:
    """
    Raises:
        ValueError: the rates are in the wrong order, or too slow or too fast for the frames of a clip.
    """
    lowest, highest = MIN_LFO_PERIODS / duration_s, MAX_LFO_SHARE * frame_rate
    if not lowest <= min_rate_hz < max_rate_hz <= highest:
        raise ValueError(
            f"an LFO needs {lowest:.4g} <= min_rate_hz < max_rate_hz <= {highest:.4g}: a quarter of a period in clips "
            f"of {duration_s:g} s, and four frames per period; got {min_rate_hz:g} and {max_rate_hz:g}"
        )


def n_lfo_rates(duration_s: float, min_rate_hz: float, max_rate_hz: float) -> int:
    """Rates of a bank that are 1 / (4 duration) or less apart, at least three."""
    return max(3, math.ceil((max_rate_hz - min_rate_hz) * 4 * duration_s) + 1)


MIN_LOW_PASS_TAPS = 11
"""A low-pass of fewer taps does not filter."""
MAX_LOW_PASS_REACH = 1e9
"""Taps on either side of a low-pass, beyond which a number of frames would be too large to be counted."""


def low_pass_half_length(cutoff_hz: float, frame_rate: float) -> int:
    """Taps on either side of the centre: the main lobe of the sinc, floor(frame_rate / (2 cutoff_hz)).

    Raises:
        ValueError: the frame rate cannot resolve the cutoff.
    """
    reach = frame_rate / (2 * cutoff_hz) if cutoff_hz > 0 else 0.0
    half_length = math.floor(min(reach, MAX_LOW_PASS_REACH))
    if 2 * half_length + 1 < MIN_LOW_PASS_TAPS:
        highest = frame_rate / (MIN_LOW_PASS_TAPS - 1)
        raise ValueError(
            f"a low-pass needs at least {MIN_LOW_PASS_TAPS} taps, so 0 < cutoff_hz <= {highest:g} at {frame_rate:g} "
            f"frames per second; got cutoff_hz={cutoff_hz:g}; lower it, or shorten hop_length"
        )
    return half_length


def check_low_pass_size(cutoff_hz: float, frame_rate: float, n_frames: int) -> None:
    """
    Raises:
        ValueError: the frame rate cannot resolve the cutoff, or the taps on either side are longer than the clips.
    """
    half_length = low_pass_half_length(cutoff_hz, frame_rate)
    if half_length > n_frames - 1:
        raise ValueError(
            f"a low-pass needs clips of at least half a period of its cutoff: cutoff_hz >= "
            f"{frame_rate / (2 * (n_frames - 1)):.4g} for clips of {n_frames} frames; got cutoff_hz={cutoff_hz:g}, "
            "whose taps reach beyond both ends of every clip; raise it, or lengthen audio.duration_s"
        )


LOWEST_F0_HZ = 20.0
"""Pitch down to which the read of a wavetable is quiet; more harmonics sound below it."""
READ_OVERSAMPLING = 16
"""Samples per cycle of the highest harmonic at which a wavetable is read linearly."""


def table_read_length(table_length: int, sample_rate: int) -> int:
    """Samples per cycle at which a wavetable of any content is read linearly with images below -50 dB.

    Reading harmonic k of L samples linearly adds images at L - k and L + k, each (k / L)^2 as loud. For a white
    spectrum up to harmonic L / 16 that is -52 dB in all. L is a power of two, for the FFT.

    Args:
        table_length: Samples per cycle that are stored.
        sample_rate: In Hz; harmonics above its half do not sound.
    """
    n_harmonics = max(1, min(table_length // 2, int(sample_rate / 2 / LOWEST_F0_HZ)))
    return max(table_length, 1 << (READ_OVERSAMPLING * n_harmonics - 1).bit_length())


def check_noise_filter_size(n_taps: int, n_bands: int) -> None:
    """
    Raises:
        ValueError: the impulse response of a filter with so many bands has fewer taps.
    """
    longest = 2 * (n_bands - 1)
    if n_taps % 2 or n_taps > longest:
        raise ValueError(
            f"noise_taps must be even and at most 2 (n_noise_bands - 1) = {longest}; got {n_taps}; "
            "lower noise_taps or raise n_noise_bands"
        )


@runtime_checkable
class StftSize(Protocol):
    """FFT size, hop and window of an STFT, in samples."""

    @property
    def n_fft(self) -> int: ...
    @property
    def hop_length(self) -> int: ...
    @property
    def win_length(self) -> int: ...


def check_stft_size(n_fft: int, win_length: int, n_samples: int) -> None:
    """
    Raises:
        ValueError: the clips are too short for the reflection at their ends, or the window is longer than the FFT.
    """
    if not (win_length <= n_fft and n_fft // 2 < n_samples):
        raise ValueError(
            "a spectral distance needs clips longer than half its n_fft, and a win_length of at most n_fft; "
            f"got {n_samples} samples, n_fft={n_fft} and win_length={win_length}; "
            "choose other loss.resolutions or longer clips"
        )
