"""Which setting of a config takes most memory, and a value of it with which a trial fits in what there is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.errors import ConfigError
from core.settings.losses import Resolution
from core.settings.presets import PAPER
from core.settings.rules import check
from core.settings.trial import TrialConfig
from core.training.memory_estimate import UNCERTAINTY, Clips, estimate_memory

_RESOLUTIONS = "loss.resolutions"
"""The STFTs of the loss; without a value it has the standard ones."""
SETTINGS = (
    "trainer.batch_size",
    "trainer.evaluation_batch_size",
    "encoder.width",
    "encoder.head_hidden",
    "encoder.n_mels",
    "encoder.n_fft",
    "encoder.kernel_time",
    "encoder.kernel_mel",
    "synth.n_harmonics",
    "synth.n_noise_bands",
    "synth.noise_taps",
    "synth.oscillator.table_length",
    "synth.oscillator.n_positions",
    "parameterization.n_segments",
    "data.n_train",
    "data.n_validation",
    "data.n_test",
    "data.max_segments",
    "audio.duration_s",
    "audio.hop_length",
    "parameterization.cutoff_hz",
    _RESOLUTIONS,
)
"""Settings on which the memory of a trial depends; of two that take the same, the first is named."""
Changes = tuple[tuple[str, Any], ...]
"""Paths and values of settings."""
_RAISED = frozenset({"audio.hop_length", "parameterization.cutoff_hz"})
"""Settings of which a larger value needs less memory."""
_ODD = frozenset({"encoder.kernel_time", "encoder.kernel_mel"})
"""Settings whose value must be odd."""

_MAX_TEXT = 200
"""Largest number of characters of a value in a message."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """Changes of a few settings after which a trial fits, the most expensive setting first."""

    changes: Changes
    """Dotted paths and values; empty if no value of any setting is enough."""
    costliest: tuple[str, Any]
    """The setting that takes most memory, and its present value."""

    def __str__(self) -> str:
        path, value = self.costliest
        costs = f"{path}={_text(value)} takes most"
        if not self.changes:
            return f"{costs}, and no smaller values of such settings are enough; give a machine with more memory"
        changes = " and ".join(f"{path}={_text(value)}" for path, value in self.changes)
        return f"{costs}; it would fit with {changes}"


def memory_remedy(config: TrialConfig, limit: float, n_clips: Clips | None = None) -> Remedy:
    """Changes after which a trial that does not fit has an estimated peak of at most a limit.

    The setting that takes most is the one of which the value of the preset `paper` would save most; among settings
    that are no larger there, the one of which half would. Its value is halved until the trial fits, or the value is no
    larger than in that preset; then the next setting is tried, then several together, and at last smaller values.

    Args:
        config: The config of the trial.
        limit: Largest peak in bytes.
        n_clips: Numbers of clips that do not depend on the config, as for `estimate_memory`.
    """
    ranked = _ranked(config, n_clips)
    costliest = ranked[0], value_at(config, ranked[0])
    for changes in (
        _change_of_one(config, ranked, limit, n_clips, is_usual=True),
        _changes_of_several(config, ranked, limit, n_clips),
        _change_of_one(config, ranked, limit, n_clips, is_usual=False),
    ):
        if changes:
            return Remedy(changes, costliest)
    return Remedy((), costliest)


def check_can_fit(config: TrialConfig, usable: float) -> None:
    """Check before a trial begins that it can fit in memory, even if its estimate is too large by `UNCERTAINTY`.

    A study is checked as a whole before it starts, but a search may propose larger trials later.

    Args:
        config: The config of the trial.
        usable: Bytes that its process may use.

    Raises:
        MemoryError: it cannot.
    """
    peak = estimate_memory(config).peak
    if peak > UNCERTAINTY * usable:
        raise MemoryError(
            f"the trial needs an estimated {peak / 2**30:,.0f} GiB of memory, and the machine has "
            f"{usable / 2**30:.3g} GiB in all: {memory_remedy(config, usable)}"
        )


def value_at(config: TrialConfig, path: str) -> Any:
    """The value of a setting; None if the config does not have it."""
    value: Any = config
    for name in path.split("."):
        value = getattr(value, name, None)
    return value


def with_value(config: Any, path: str, value: Any) -> Any:
    """A config or a part of one with another value of a setting."""
    name, _, rest = path.partition(".")
    return replace(config, **{name: with_value(getattr(config, name), rest, value) if rest else value})


# ---------------------------------------------------------------------------------------------------------------------


def _change_of_one(
    config: TrialConfig, ranked: Sequence[str], limit: float, n_clips: Clips | None, *, is_usual: bool
) -> Changes:
    """A value of a single setting with which the trial fits, if `is_usual` none below the usual one; empty if none."""
    for path in ranked:
        before = value_at(config, path)
        for value in _smaller(config, path):
            if is_usual and _is_usual(before, path):
                break
            if _fits(with_value(config, path, value), limit, n_clips):
                return ((path, value),)
            before = value
    return ()


def _changes_of_several(config: TrialConfig, ranked: Sequence[str], limit: float, n_clips: Clips | None) -> Changes:
    """Values of several settings, each reduced to about the usual one in turn until the trial fits; empty if none."""
    changes: dict[str, Any] = {}
    # Twice, since a rule may forbid a smaller value of a setting until another one is smaller.
    for path in (*ranked, *ranked):
        values = [] if _is_usual(value_at(config, path), path) else list(_smaller(config, path))
        for value in values:
            smaller = with_value(config, path, value)
            if _fits(smaller, limit, n_clips):
                return tuple({**changes, path: value}.items())
            if _is_usual(value, path):
                config = smaller
                changes[path] = value
                break
    return ()


def _ranked(config: TrialConfig, n_clips: Clips | None) -> list[str]:
    """Settings of a config by the memory that they take, the most expensive first."""
    before = estimate_memory(config, n_clips).peak

    def saved(path: str) -> tuple[bool, float]:
        """Whether the value is larger than usual, and what another one saves."""
        usual = _usual(path)
        is_large = path == _RESOLUTIONS or (usual is not None and not _is_usual(value_at(config, path), path))
        other = usual if is_large else next(_smaller(config, path), None)
        if other is None and not is_large:
            return False, 0.0
        saving = before - estimate_memory(with_value(config, path, other), n_clips).peak
        # Settings that save almost the same are as expensive; the order of the list decides.
        return is_large and saving > 0.01 * before, float(f"{max(saving, 0.0):.1e}")

    paths = [path for path in SETTINGS if value_at(config, path) is not None]
    return sorted(paths, key=saved, reverse=True)


def _usual(path: str) -> Any:
    """The value in the preset `paper`, or in the variants that belong to it; None if there is none."""
    name = path.rpartition(".")[2]
    values = (value_at(PAPER.config, path), *(getattr(variant, name, None) for variant in PAPER.variants))
    return next((value for value in values if isinstance(value, int | float)), None)


def _is_usual(value: Any, path: str) -> bool:
    """Whether a value takes no more than the usual one of the setting."""
    usual = _usual(path)
    if usual is None:
        return False
    return bool(value >= usual if path in _RAISED else value <= usual)


def _smaller(config: TrialConfig, path: str) -> Iterator[Any]:
    """Values of a setting that take less and less memory, and that no rule forbids."""
    value = value_at(config, path)
    for _ in range(64):
        value = _halved(config, path, value)
        if value is None:
            return
        try:
            check(with_value(config, path, value))
        except ConfigError:
            continue
        yield value


def _halved(config: TrialConfig, path: str, value: Any) -> Any:
    """The next value that takes about half the memory; None if there is none."""
    if isinstance(value, tuple):
        return _sparser(value)
    if path in _RAISED:
        return 2 * value
    if path == "audio.duration_s":
        # A clip is a whole number of the encoder's frames.
        hop = config.audio.hop_length * config.encoder.stride
        n_hops = round(value * config.audio.sample_rate) // hop // 2
        return n_hops * hop / config.audio.sample_rate if n_hops else None
    half = value // 2 | 1 if path in _ODD else value // 2
    return half if 0 < half < value else None


def _sparser(resolutions: tuple[Resolution, ...]) -> tuple[Resolution, ...] | None:
    """STFTs with twice the hop, at most a quarter of the window; None if none has a shorter one."""
    sparser = tuple(
        replace(entry, hop_length=max(entry.hop_length, min(2 * entry.hop_length, entry.win_length // 4)))
        for entry in resolutions
    )
    return sparser if sparser != resolutions else None


def _fits(config: TrialConfig, limit: float, n_clips: Clips | None) -> bool:
    return estimate_memory(config, n_clips).peak <= limit


def _text(value: Any) -> str:
    """A value as in a file of settings, cut if it is long."""
    if isinstance(value, tuple):
        text = "[" + ", ".join(_table(entry) for entry in value) + "]"
    else:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."


def _table(entry: Resolution) -> str:
    return f"{{n_fft={entry.n_fft}, hop_length={entry.hop_length}, win_length={entry.win_length}}}"
