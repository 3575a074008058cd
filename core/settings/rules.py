"""Check of all rules of a config before any work starts: those within its parts and those between them."""

from core.errors import ConfigError
from core.modulations import modulation_names
from core.settings.trial import TrialConfig


def check(config: TrialConfig) -> None:
    """Check all rules of a config.

    Raises:
        ConfigError: a rule is broken; the message states the rule, the values and a remedy.
    """
    parts = (config.encoder, config.parameterization, config.synth, config.data, config.loss, config.optimizer)
    try:
        config.audio.check()
        for part in parts:
            part.check(config.audio)
        # `audio.mss` is measured at the standard resolutions, independent of the training loss.
        type(config.loss)().resolved(config.audio).check(config.audio)
        config.synth.with_wavetable_of(config.data.true_wavetable)
        if config.encoded is not None:
            config.encoded.check(config.audio)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if config.parameterization.needs_true_curves:
        _check_true_curves(config)
    _check_control(config)


def _check_true_curves(config: TrialConfig) -> None:
    known = modulation_names(config.data.true_modulations)
    unknown = [name for name in modulation_names(config.synth.modulations) if name not in known]
    if unknown:
        raise ConfigError(
            f"parameterization.kind={config.parameterization.kind} needs data with the true curves of all modulations "
            f"of the synth; those of data.kind={config.data.kind} lack {', '.join(unknown)}; choose data of another "
            "kind, such as synthetic or renders, or leave this arm out"
        )


def _check_control(config: TrialConfig) -> None:
    kind = config.parameterization.kind
    if config.synth.control == "granular" and kind != "frame":
        raise ConfigError(
            f"synth.control='granular' predicts every control frame by frame, and parameterization.kind={kind!r} does "
            "not: set parameterization.kind='frame'"
        )
