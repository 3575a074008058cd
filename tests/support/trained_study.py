"""Text of study files whose trials are really trained, each in a moment."""

from collections.abc import Sequence

SYNTHETIC = 'data = { kind = "synthetic", n_train = 8, n_validation = 4, n_test = 4 }'
"""The data of these studies."""
TRAINER = {"max_steps": 4, "batch_size": 2, "validate_every": 2, "checkpoint_every": 2, "n_audio_clips": 1}
LOW_PASS = """
[[arms]]
name = "lpf-8"
config = { parameterization = { kind = "low_pass", cutoff_hz = 8.0 } }
"""
CONSTANT = """
[[arms]]
name = "constant"
config = { parameterization = { kind = "constant" } }
"""
FRAME = """
[[arms]]
name = "frame"
config = { parameterization = { kind = "frame" } }
"""


def config_text(**trainer: int) -> str:
    """Settings of a trial, with changes of those of the trainer."""
    settings = ", ".join(f"{name} = {value}" for name, value in {**TRAINER, **trainer}.items())
    return f"""
device = "cpu"
{SYNTHETIC}
encoder = {{ width = 4, dilations = [1, 2], n_mels = 16, head_hidden = 4 }}
trainer = {{ {settings} }}
"""


def study_text(*tables: str, seeds: Sequence[int] | None = (0, 1), **trainer: int) -> str:
    """A study file.

    Args:
        tables: Tables of the file, such as those of its arms.
        seeds: Seeds of each arm; None to leave them to the study, as in a race.
        trainer: Changes of the settings of the trainer.
    """
    seeds_line = "" if seeds is None else f"seeds = {list(seeds)}\n"
    return f'question = "Does it run?"\n{seeds_line}[config]{config_text(**trainer)}{"".join(tables)}'
