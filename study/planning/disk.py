"""Size of the files of a trial, computed from its config before it runs."""

from dataclasses import replace

from core.metrics.catalog import full_names
from core.settings.data import SyntheticDataConfig
from core.settings.loading import flat_config
from core.settings.trial import TrialConfig
from core.storage.records import Stage, TrialRecord
from core.storage.serialisation import record_to_json

BYTES_PER_NUMBER = 4
"""Size of a weight and of a value of a curve, which are float32."""
FLAC_BYTES_PER_SAMPLE = 0.9
"""Size of a sample in a stored sound, which is 2 without compression; measured with synthetic sounds."""
_ROW_BYTES = 130
"""Size of the columns of a curve file other than the curves, per clip and modulation: names, digest, numbers."""
_FILE_BYTES = 6000
"""Size of the headers of the files with curves and weights."""
_ENVIRONMENT = {"code_version": "0" * 64, "git_commit": "0" * 40, "host": "h" * 16, "python": "3.11.1", "torch": "2.11"}
_HISTORY_ENTRY = {"step": 100.0, "validation_loss": 1 / 3, "elapsed_s": 1 / 3, "train_loss": 1 / 3}


def trial_bytes(config: TrialConfig, *, stage: Stage, n_test: int, n_weights: int) -> int:
    """Size in bytes of the record of a trial, and of its curves, sounds and weights if it is evaluated on test clips.

    Args:
        config: The config.
        stage: Stage of the study; the trials of a search keep their record only.
        n_test: Number of test clips.
        n_weights: Number of weights of the model.
    """
    size = _record_bytes(config, n_splits=1 if stage == "search" else 2)
    if stage == "search":
        return size
    names = [modulation.name for modulation in config.synth.modulations]
    true_names = [modulation.name for modulation in config.data.true_modulations]
    # A recovered curve per modulation of the synth, and a target and a projection per true modulation.
    n_curves = len(names) + 2 * len(true_names)
    n_rows = len(set(names + true_names))
    curves = n_test * (n_curves * config.audio.n_frames * BYTES_PER_NUMBER + n_rows * _ROW_BYTES)
    n_sounds = 2 * min(config.trainer.n_audio_clips, n_test)
    sounds = n_sounds * config.audio.n_samples * FLAC_BYTES_PER_SAMPLE
    return round(size + _FILE_BYTES + curves + sounds + n_weights * BYTES_PER_NUMBER)


def least_trial_bytes(config: TrialConfig, *, stage: Stage) -> int:
    """Size that the files of a trial have at least: without its weights, and without clips whose number is unknown."""
    n_test = config.data.n_test if isinstance(config.data, SyntheticDataConfig) else 0
    return trial_bytes(config, stage=stage, n_test=n_test, n_weights=0)


def _record_bytes(config: TrialConfig, n_splits: int) -> int:
    """Size of the record of a trial."""
    modulations = tuple(modulation.name for modulation in (*config.synth.modulations, *config.data.true_modulations))
    values: dict[str, float | None] = dict.fromkeys(full_names(tuple(dict.fromkeys(modulations))), 1 / 3)
    record = TrialRecord(
        digest="0" * 16,
        study="s" * 12,
        arm="a" * 16,
        seed=0,
        attempt="0001-abcdef",
        outcome="finished",
        config=flat_config(config),
        metrics={"validation": values, "test": values} if n_splits == 2 else {"validation": values},
        environment=_ENVIRONMENT,
        times_s=dict.fromkeys(("set_up", "train", "evaluate", "write"), 0.123),
    )
    n_validations = 1 + -(-config.trainer.max_steps // config.trainer.validate_every)
    without, with_one = (len(record_to_json(replace(record, history=entries))) for entries in ((), (_HISTORY_ENTRY,)))
    return without + n_validations * (with_one - without)
