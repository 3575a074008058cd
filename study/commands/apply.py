"""`modstudy apply`: the trained encoder of a study on sounds of one's own, without training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.commands.options import LEFT_OUT, OK, Root, console, errors, report_errors

if TYPE_CHECKING:
    from core.storage.records import TrialRecord
    from study.applied_sounds import Applied


@report_errors
def apply(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY[:ARM]",
            help="A launched study, and the arm; by default the one that its verdict picks, else its most accurate.",
        ),
    ],
    paths: Annotated[list[str], typer.Argument(metavar="FILES_OR_FOLDER...", help="Sound files, or folders of them.")],
    root: Root = "runs",
    out: Annotated[Path | None, typer.Option(help="Folder for the results; ./STUDY-applied by default.")] = None,
    note: Annotated[
        str | None, typer.Option("--note", help="Pitch of all sounds as a note, such as C3 (C4 is MIDI 60).")
    ] = None,
    f0: Annotated[float | None, typer.Option("--f0", help="Pitch of all sounds in Hz.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Seed of the trial; by default the best one on the validation sounds.")
    ] = None,
    sounds: Annotated[
        bool, typer.Option("--sounds/--no-sounds", help="Also write what the synth plays, as NAME.wav.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Overwrite earlier results.")] = False,
) -> int:
    """Find the modulation curves of any sounds by the trained encoder of a study.

    Writes curves.arrow, a table of all curves, and NAME.csv per sound. The pitch of a sound is the one given here, else
    that of the metadata.csv beside it, else of its name, else it is tracked.
    """
    from core.discovery.sound_reading import Reading, named_files
    from core.settings.user_paths import user_path
    from study.applied_sounds import apply_to_files, check_writable, planned_paths
    from study.given_pitch import given_pitch
    from study.trained_trials import ArmReference

    given_hz = given_pitch(note, f0)
    reference = ArmReference.parse(study, root, seed)
    files = named_files([user_path(path, "FILES_OR_FOLDER") for path in paths])
    folder = out or Path(f"{reference.study}-applied")
    check_writable(planned_paths(folder, files, sounds=sounds), files, force=force)
    arm, chosen = reference.load()
    record, config = chosen.record, arm.config
    _say(f"{record.arm} of {reference.study}, seed {record.seed}: {chosen.reason}")
    if config.trainer.refine_steps > 0:
        _say(
            f"Its results in the study are refined by {config.trainer.refine_steps} steps per sound; here the encoder "
            "alone finds the curves."
        )
    reading = Reading(
        sample_rate=config.audio.sample_rate,
        given_hz=given_hz,
        assumed_hz=config.data.assumed_pitch_hz,
    )
    n_told = 0
    with errors.status(f"0 of {len(files)} sounds") as status:

        def on_sound(applied: "Applied", n_done: int) -> None:
            nonlocal n_told
            for refused in applied.refused[n_told:]:
                errors.print(f"left out: {refused.named.file}: {refused.reason}", markup=False, highlight=False)
            n_told = len(applied.refused)
            status.update(f"{n_done} of {len(files)} sounds")

        applied = apply_to_files(arm, record, files, reading, folder, sounds=sounds, on_sound=on_sound)
    return _summarise(applied, len(files), folder, record, sounds=sounds)


def _summarise(applied: "Applied", n_files: int, out: Path, record: "TrialRecord", *, sounds: bool) -> int:
    """Print what came of the sounds, and return the exit code."""
    import numpy as np

    from core.storage.curves import CURVES_NAME

    if values := [value for value in applied.mss if np.isfinite(value)]:
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
        own = record.metrics["test"].get("audio.mss")
        compared = "" if own is None else f"; {own:.3g} is the mean of the test sounds of the study"
        _say(
            f"audio.mss of {len(values)} sounds: median {middle:.3g}, 5 to 95 % from {low:.3g} to {high:.3g}{compared}"
        )
    if applied.mss:
        _say(f"{out / CURVES_NAME}, and NAME.csv{' and NAME.wav' if sounds else ''} for each sound")
    if not applied.refused:
        return OK
    _say(f"{len(applied.refused)} of {n_files} sounds were left out")
    return LEFT_OUT


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
