"""The pitch of a monophonic sound over time, by YIN and by probabilistic YIN.

d'(k) is YIN's cumulative mean normalised difference at lag k (de Cheveigne, Kawahara 2002, equation 8). Its troughs are
candidates for the period. YIN takes the first one below a threshold. Probabilistic YIN (Mauch, Dixon 2014) weights each
by the probability, over a beta distribution of thresholds, that it is the one taken, and finds the most likely sequence
of pitches and of voiced and unvoiced states by the Viterbi algorithm. Constants and conventions are those of
`librosa.pyin`, the reference in the tests. A pitch moves by a limited number of bins per frame, so that the transition
matrix is a band: only the band is searched, with the best state of all as the candidate for a jump beyond it, which
gives the same path as a search over all pairs of states in a tenth of the time.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from core.ops.compiling import recursive_kernel

_YIN_THRESHOLD = 0.1
_N_THRESHOLDS = 100
_BETA = (2, 18)
"""Parameters of the distribution of thresholds."""
_BOLTZMANN = 2.0
"""Parameter of the prior over troughs: shorter periods are more likely."""
_NO_TROUGH = 0.01
"""Probability that the lowest trough is taken although it is not below the threshold."""
_MAX_OCTAVES_PER_S = 35.92
"""Largest change of the pitch."""
_SWITCH = 0.01
"""Probability of a change between voiced and unvoiced from one frame to the next."""
_TINY = float(np.finfo(np.float64).tiny)
"""Added to probabilities before their logarithm is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PitchTracks:
    """Estimates of the pitch in each frame of a sound."""

    pyin_hz: Float[ndarray, " frame"]
    """By probabilistic YIN, quantised to its bins; meaningless where the frame is not voiced."""
    is_voiced: Bool[ndarray, " frame"]
    """By probabilistic YIN."""
    yin_hz: Float[ndarray, " frame"]
    """By YIN, without quantisation."""
    level: Float[ndarray, " frame"]
    """Root mean square of each frame."""


def track_pitches(
    audio: Float[ndarray, " sample"],
    sample_rate: int,
    *,
    min_hz: float,
    max_hz: float,
    frame_length: int,
    hop_length: int,
    bins_per_semitone: int,
) -> PitchTracks:
    """The pitch of a sound in frames centred at multiples of the hop; zeros are assumed before and after it.

    Args:
        audio: Samples.
        sample_rate: In Hz.
        min_hz: Lowest pitch.
        max_hz: Highest pitch.
        frame_length: Samples per frame, more than two periods of the lowest pitch.
        hop_length: Samples from one frame to the next.
        bins_per_semitone: Resolution of probabilistic YIN.
    """
    padded = np.pad(audio.astype(np.float64), frame_length // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, frame_length)[::hop_length]
    min_period = math.floor(sample_rate / max_hz)
    max_period = min(math.ceil(sample_rate / min_hz), frame_length - 1)
    difference = _normalised_difference(frames, min_period, max_period)
    n_bins = math.floor(12 * bins_per_semitone * math.log2(max_hz / min_hz)) + 1
    max_semitones = round(_MAX_OCTAVES_PER_S * 12 * hop_length / sample_rate)
    reach = (max_semitones * bins_per_semitone + 1) // 2
    yin_hz, states = _track(
        difference,
        float(sample_rate),
        min_period,
        min_hz,
        n_bins,
        bins_per_semitone,
        _threshold_probabilities(),
        *_log_transitions(n_bins, reach),
    )
    return PitchTracks(
        pyin_hz=min_hz * 2.0 ** (states % n_bins / (12 * bins_per_semitone)),
        is_voiced=states < n_bins,
        yin_hz=yin_hz,
        level=np.sqrt(np.mean(np.square(frames), axis=1)),
    )


def _normalised_difference(
    frames: Float[ndarray, "frame sample"], min_period: int, max_period: int
) -> Float[ndarray, "frame lag"]:
    """d'(k) of each frame at lags from `min_period` to `max_period`."""
    n_fft = 1 << (2 * frames.shape[1] - 1).bit_length()
    spectrum = np.fft.rfft(frames, n_fft, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    correlation = np.fft.irfft(power, n_fft, axis=1)[:, : max_period + 1]
    energy = np.cumsum(np.square(frames[:, :max_period]), axis=1)
    difference = 2 * (correlation[:, :1] - correlation[:, 1:]) - energy
    mean = np.cumsum(difference, axis=1) / np.arange(1, max_period + 1)
    first = min_period - 1
    return np.asarray(difference[:, first:] / (mean[:, first:] + _TINY))


@cache
def _threshold_probabilities() -> Float[ndarray, " threshold"]:
    """Probability of each threshold 0.01, 0.02, ..., 1: of the interval that ends there."""
    from scipy.special import betainc

    return np.asarray(np.diff(betainc(*_BETA, np.linspace(0, 1, _N_THRESHOLDS + 1))))


@cache
def _log_transitions(n_bins: int, reach: int) -> tuple[Float[ndarray, " move"], Float[ndarray, " bin"]]:
    """Logarithms of the weight of each move by -reach..reach bins, and of the sum of all weights from each bin."""
    weights = 1 - np.abs(np.arange(-reach, reach + 1)) / (reach + 1)
    return np.log(weights), np.log(np.convolve(np.ones(n_bins), weights)[reach:-reach])


@recursive_kernel
@no_type_check
def _best_moves(before, log_sums, log_moves, value, origin):
    """The largest logarithm of a probability with which each bin is reached from a bin nearby, and from which."""
    n_bins, reach = len(before), len(log_moves) // 2
    weighted = before - log_sums
    value[:] = -np.inf
    for move in range(-reach, reach + 1):
        log_move = log_moves[move + reach]
        for to in range(max(0, -move), min(n_bins, n_bins - move)):
            candidate = weighted[to + move] + log_move
            is_better = candidate > value[to]
            value[to] = candidate if is_better else value[to]
            origin[to] = to + move if is_better else origin[to]


@recursive_kernel
@no_type_check
def _shift(lags, lag):
    """Where the parabola through a lag and its neighbours is lowest, relative to the lag."""
    if lag == 0 or lag == len(lags) - 1:
        return 0.0
    curvature = lags[lag + 1] + lags[lag - 1] - 2 * lags[lag]
    slope = (lags[lag + 1] - lags[lag - 1]) / 2
    return 0.0 if abs(slope) >= abs(curvature) else -slope / curvature


@recursive_kernel
@no_type_check
def _yin_period(lags, troughs, periods, n_troughs, min_period):
    """The period of the first trough below YIN's threshold, else of the lowest lag."""
    for trough in range(n_troughs):
        if lags[troughs[trough]] < _YIN_THRESHOLD:
            return periods[trough]
    lowest = np.argmin(lags)
    return min_period + lowest + _shift(lags, lowest)


@recursive_kernel
@no_type_check
def _weigh(lags, troughs, n_troughs, prior, weights):
    """Add the probability of each trough to its weight."""
    lowest = 0
    for trough in range(n_troughs):
        if lags[troughs[trough]] < lags[troughs[lowest]]:
            lowest = trough
    for number in range(len(prior)):
        threshold = (number + 1) / len(prior)
        n_below = 0
        for trough in range(n_troughs):
            if lags[troughs[trough]] < threshold:
                n_below += 1
        if n_below == 0:
            if n_troughs:
                weights[lowest] += _NO_TROUGH * prior[number]
            continue
        scale = (1 - np.exp(-_BOLTZMANN)) / (1 - np.exp(-_BOLTZMANN * n_below))
        position = 0
        for trough in range(n_troughs):
            if lags[troughs[trough]] < threshold:
                weights[trough] += scale * np.exp(-_BOLTZMANN * position) * prior[number]
                position += 1


@recursive_kernel
@no_type_check
def _track(difference, sample_rate, min_period, min_hz, n_bins, per_semitone, prior, log_moves, log_sums):
    n_frames, n_lags = difference.shape
    n_states = 2 * n_bins
    yin_hz = np.zeros(n_frames)
    states = np.zeros(n_frames, np.int64)
    pointers = np.zeros((n_frames, n_states), np.int32)
    observed = np.zeros(n_states)
    before = np.zeros(n_states)
    value = np.zeros(n_states)
    weights = np.zeros(n_lags)
    troughs = np.zeros(n_lags, np.int64)
    periods = np.zeros(n_lags)
    log_tiny, log_stay, log_switch = np.log(_TINY), np.log(1 - _SWITCH), np.log(_SWITCH)
    voiced_value, unvoiced_value = np.zeros(n_bins), np.zeros(n_bins)
    voiced_from, unvoiced_from = np.zeros(n_bins, np.int64), np.zeros(n_bins, np.int64)
    for frame in range(n_frames):
        lags = difference[frame]
        n_troughs = 0
        for lag in range(n_lags):
            is_trough = lags[lag] < lags[lag + 1] if lag == 0 else lags[lag] < lags[lag - 1]
            if is_trough and 0 < lag < n_lags - 1:
                is_trough = lags[lag] <= lags[lag + 1]
            if is_trough:
                troughs[n_troughs] = lag
                periods[n_troughs] = min_period + lag + _shift(lags, lag)
                weights[n_troughs] = 0.0
                n_troughs += 1
        yin_hz[frame] = sample_rate / _yin_period(lags, troughs, periods, n_troughs, min_period)
        _weigh(lags, troughs, n_troughs, prior, weights)
        observed[:] = 0.0
        for trough in range(n_troughs):
            if weights[trough] != 0.0:
                number = np.rint(12 * per_semitone * np.log2(sample_rate / periods[trough] / min_hz))
                observed[int(min(max(number, 0), n_bins))] = weights[trough]
        voiced = 0.0
        for state in range(n_bins):
            voiced += observed[state]
        observed[n_bins:] = (1 - min(max(voiced, 0.0), 1.0)) / n_bins
        if frame == 0:
            for state in range(n_states):
                value[state] = np.log(observed[state] + _TINY) + np.log(1 / n_states + _TINY)
        else:
            best = 0
            for state in range(n_states):
                if before[state] > before[best]:
                    best = state
            _best_moves(before[:n_bins], log_sums, log_moves, voiced_value, voiced_from)
            _best_moves(before[n_bins:], log_sums, log_moves, unvoiced_value, unvoiced_from)
            for state in range(n_states):
                to, is_voiced = state % n_bins, state < n_bins
                from_voiced = voiced_value[to] + (log_stay if is_voiced else log_switch)
                from_unvoiced = unvoiced_value[to] + (log_switch if is_voiced else log_stay)
                pointer, largest = voiced_from[to], from_voiced
                if from_unvoiced > largest:
                    pointer, largest = n_bins + unvoiced_from[to], from_unvoiced
                if before[best] + log_tiny > largest:
                    pointer, largest = best, before[best] + log_tiny
                pointers[frame, state] = pointer
                value[state] = largest + np.log(observed[state] + _TINY)
        before, value = value, before
    last = 0
    for state in range(n_states):
        if before[state] > before[last]:
            last = state
    for frame in range(n_frames - 1, -1, -1):
        states[frame] = last
        last = pointers[frame, last]
    return yin_hz, states
