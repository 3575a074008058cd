"""`modstudy discover`: the modulation curves of sounds of one's own, fitted one by one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from study.commands.options import LEFT_OUT, OK, Assignments, console, errors, report_errors

if TYPE_CHECKING:
    from core.discovery.sound_reading import NamedFile
    from study.discovered_sounds import Discovered, Discovery
    from study.trained_trials import ArmReference


@report_errors
def discover(
    paths: Annotated[list[str], typer.Argument(metavar="SOUND...", help="Sound files, or folders of them.")],
    note: Annotated[
        str | None, typer.Option("--note", help="Pitch of all sounds as a note, such as C3 (C4 is MIDI 60).")
    ] = None,
    f0: Annotated[float | None, typer.Option("--f0", help="Pitch of all sounds in Hz.")] = None,
    synth: Annotated[
        str | None,
        typer.Option(
            help="Synth: mod_synth (a wavetable that is learned, and a resonant low-pass) by default, subtractive, fm, "
            "engel or shan."
        ),
    ] = None,
    parameterization: Annotated[
        str | None, typer.Option(help="Form of the curves: low_pass (16 Hz) by default, spline, lfo, frame and others.")
    ] = None,
    rate: Annotated[int | None, typer.Option(help="Sample rate in Hz; that of each file by default.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length from the start; all of it by default.")] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="STUDY[:ARM]", help="Start from the encoder and synth of a trained arm."),
    ] = None,
    root: Annotated[str, typer.Option("--root", help="Folder of all studies, for --from.")] = "runs",
    steps: Annotated[
        int | None, typer.Option(help="Gradient steps; 800 by default. With --from, 0 only applies the arm.")
    ] = None,
    tempo: Annotated[
        float | None, typer.Option(help="Tempo in BPM for note values; by default it is tracked, else 120.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder in which each sound gets a folder.")] = Path("discovered"),
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Sounds that are fitted at once; by default as many as there are CPUs.")
    ] = None,
    assignments: Assignments = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of initial weights and phases.")] = 0,
    midi_14_bit: Annotated[
        bool, typer.Option("--midi-14-bit", help="Controllers of the MIDI file in 14 bits.")
    ] = False,
    follow_pitch: Annotated[
        bool,
        typer.Option("--follow-pitch/--constant-pitch", help="Whether a pitch that moves becomes a curve, vibrato."),
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Overwrite earlier results.")] = False,
) -> int:
    """Find the modulation curves of sounds, and write them for your synth and your DAW.

    A synth and its curves are fitted to each sound. In OUT/SOUND are a page with a player (index.html), the curves in
    words and as CSV, NPZ, Arrow, MIDI and LFO shapes, a preset of Vital, the wavetable, and the sounds. The pitch is
    the one given here, else that of a metadata.csv beside the sound, else of its name, else it is tracked.
    """
    from core.discovery.sound_reading import Reading, named_files
    from core.settings.discovery import MAX_FITTED_S
    from core.settings.user_paths import user_path
    from study.discovered_sounds import Discovery, check_folders
    from study.discovery_options import check_numbers, discovery_settings
    from study.given_pitch import given_pitch
    from study.trained_trials import ArmReference

    check_numbers(rate=rate, seconds=seconds, tempo_bpm=tempo)
    settings = discovery_settings(
        synth=synth,
        parameterization=parameterization,
        steps=steps,
        seed=seed,
        assignments=assignments or (),
        has_arm=start is not None,
    )
    arm = None if start is None else ArmReference.parse(start, root)
    if arm is not None:
        rate = _rate_of(arm, rate)
    reading = Reading(
        sample_rate=rate,
        seconds=seconds,
        longest_s=MAX_FITTED_S,
        given_hz=given_pitch(note, f0),
        may_move=follow_pitch and arm is None,
    )
    files = named_files([user_path(path, "SOUND") for path in paths])
    check_folders(out, files, force=force)
    discovery = Discovery(
        reading=reading,
        settings=settings,
        start=arm,
        out=out,
        tempo_bpm=tempo,
        midi_14_bit=midi_14_bit,
        follow_pitch=follow_pitch,
        has_index=len(files) > 1,
    )
    return _run(files, discovery, jobs)


def _rate_of(reference: "ArmReference", rate: int | None) -> int:
    """The sample rate of a trained arm, which is said, and has to be the given one if there is one."""
    from core.errors import ConfigError
    from study.discovered_sounds import loaded_arm

    arm, chosen = loaded_arm(reference)
    own = arm.audio.sample_rate
    if rate not in (None, own):
        raise ConfigError(
            f"{chosen.record.arm} was trained on sounds of {own} Hz, at which it is used; got --rate {rate}"
        )
    _say(f"{chosen.record.arm} of {reference.study}, seed {chosen.record.seed}: {chosen.reason}; at {own} Hz")
    return own


def _run(files: "tuple[NamedFile, ...]", discovery: "Discovery", jobs: int | None) -> int:
    """Discover the sounds, print a line or two for each, and return the exit code."""
    import os

    from core.discovery.sound_reading import RefusedSound
    from study.discovered_sounds import discover_files, use_one_thread, write_index

    found: list[Discovered] = []
    refused: list[RefusedSound] = []
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    use_one_thread()
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        tasks = {}

        def on_progress(name: str, step: int, n_steps: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(escape(name), total=n_steps)
            progress.update(tasks[name], completed=step, visible=step < n_steps)

        processes = jobs or len(os.sched_getaffinity(0))
        for result in discover_files(files, discovery, processes=processes, on_progress=on_progress):
            if isinstance(result, RefusedSound):
                refused.append(result)
                errors.print(f"left out: {result.named.file}: {result.reason}", markup=False, highlight=False)
                continue
            found.append(result)
            _say(f"{result.named.file}: {result.sentence}")
            _say(
                f"  audio.mss {result.mss:.3g}, {result.constant_mss:.3g} for a still synth; {result.seconds:.0f} s; "
                f"{result.folder / 'index.html'}"
            )
            for remark in result.remarks:
                _say(f"  note: {remark}")
    if discovery.has_index and found:
        _say(f"All sounds: {write_index(discovery.out, found, refused)}")
    if not refused:
        return OK
    _say(f"{len(refused)} of {len(files)} sounds were left out")
    return LEFT_OUT


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
