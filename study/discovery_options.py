"""Options of `modstudy discover` as settings of a fit, checked before any sound is read."""

from collections.abc import Sequence
from dataclasses import replace

from core.discovery.sound_input import HIGHEST_RATE, LOWEST_RATE
from core.errors import ConfigError
from core.settings.discovery import MAX_FITTED_S, MIN_SOUND_S, DiscoverySettings
from core.settings.dotted import nest
from core.settings.loading import apply_settings, parse_assignment
from core.settings.presets import SMALL
from core.settings.value_rules import shown_value

MAX_STEPS = 100_000
"""Most gradient steps of a fit."""
_GROUPS = ("synth", "parameterization")
"""Settings that `--set` may change."""


def discovery_settings(
    *,
    synth: str | None,
    parameterization: str | None,
    steps: int | None,
    seed: int,
    assignments: Sequence[str],
    has_arm: bool,
) -> DiscoverySettings:
    """The settings of a fit.

    Args:
        synth: Kind of the synth; None for the default one.
        parameterization: Kind of the curves; None for the default one.
        steps: Gradient steps; None for the default number.
        seed: Seed of the fit.
        assignments: Settings of synth and parameterization as `PATH=VALUE`.
        has_arm: Whether the fit starts from a trained arm, which has its own synth and parameterization.

    Raises:
        ConfigError: a setting is unknown or out of range.
    """
    if has_arm and (synth or parameterization or assignments):
        raise ConfigError(
            "a trained arm has its own synth and parameterization; leave out --synth, --parameterization and --set, or "
            "--from"
        )
    least = 0 if has_arm else 1
    if steps is not None and not least <= steps <= MAX_STEPS:
        raise ConfigError(f"--steps are 1 to {MAX_STEPS}, or 0 with --from; got {steps}")
    pairs = [*((f"{group}.kind", kind) for group, kind in zip(_GROUPS, (synth, parameterization), strict=True) if kind)]
    for text in assignments:
        path, value = parse_assignment(text)
        if path.partition(".")[0] not in _GROUPS:
            raise ConfigError(
                f"--set of `modstudy discover` changes settings of synth and parameterization, such as "
                f"synth.filter.kind=learned; got {shown_value(path)}; see `modstudy catalog`"
            )
        pairs.append((path, value))
    defaults = DiscoverySettings(seed=seed)
    base = replace(SMALL.config, synth=defaults.synth, parameterization=defaults.parameterization)
    config = apply_settings(SMALL, nest(pairs), base)
    return DiscoverySettings(
        synth=config.synth,
        parameterization=config.parameterization,
        seed=seed,
        steps=defaults.steps if steps is None else steps,
    )


def check_numbers(*, rate: int | None, seconds: float | None, tempo_bpm: float | None) -> None:
    """Check the options that are numbers.

    Raises:
        ConfigError: one is out of range.
    """
    if rate is not None and not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise ConfigError(f"--rate is a sample rate from {LOWEST_RATE} to {HIGHEST_RATE} Hz; got {rate}")
    # Comparisons with NaN are false.
    if seconds is not None and not MIN_SOUND_S <= seconds <= MAX_FITTED_S:
        raise ConfigError(f"--seconds is a length from {MIN_SOUND_S:g} to {MAX_FITTED_S:g} s; got {seconds:g}")
    if tempo_bpm is not None and not 20 <= tempo_bpm <= 400:
        raise ConfigError(f"--tempo is a number of beats per minute from 20 to 400; got {tempo_bpm:g}")
