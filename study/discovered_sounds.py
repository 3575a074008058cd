"""`modstudy discover` on one sound file or many: each is read, fitted and written to a folder of its own.

Several sounds are fitted side by side, each in a process of its own with one thread. The folder of a sound appears when
all its files are written.
"""

import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from core.discovery.sound_reading import NamedFile, Reading, ReadSound, RefusedSound
from core.errors import DataError
from core.settings.discovery import DiscoverySettings
from core.settings.value_rules import listed, printable
from core.storage.atomic_write import write_atomically
from study.trained_trials import ArmReference, ChosenTrial

if TYPE_CHECKING:
    from core.discovery.discovered_sound import DiscoveredSound
    from core.discovery.files import ExportedFiles
    from core.discovery.sound_description import SoundDescription
    from core.discovery.trained_arm import TrainedArm
    from dashboards.discovery.index_page import IndexEntry
    from dashboards.discovery.page_content import ModulationWords

PAGE, SUMMARY, INDEX = "index.html", "summary.json", "index.html"
"""Names of the page and the summary of a sound, and of the page of several."""
OnProgress = Callable[[str, int, int], None]
"""Called with the id of a sound and the numbers of finished and of all steps of its fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What is done with each sound."""

    reading: Reading
    settings: DiscoverySettings
    start: ArmReference | None = None
    """A trained arm from which the fits start; None to fit each sound from what is measured in it."""
    out: Path
    """Folder in which each sound gets a folder."""
    tempo_bpm: float | None = None
    """None to track the tempo of each sound."""
    midi_14_bit: bool = False
    follow_pitch: bool = True
    """Whether a synth without a vibrato gets one where the pitch of a sound moves."""
    has_index: bool = False
    """Whether there is a page of several sounds in `out`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """A sound whose files are written."""

    named: NamedFile
    folder: Path
    sentence: str
    mss: float
    constant_mss: float
    remarks: tuple[str, ...]
    """What a user should know of the sound or of its files."""
    seconds: float
    """Time that it took."""
    entry: "IndexEntry"


def check_folders(out: Path, files: Sequence[NamedFile], *, force: bool) -> None:
    """Check that nothing is overwritten.

    Raises:
        DataError: a folder of a sound is there, and `force` is False.
    """
    names = [named.id for named in files if os.path.lexists(out / named.id)]
    if len(files) > 1 and os.path.lexists(out / INDEX):
        names.append(INDEX)
    if names and not force:
        raise DataError(
            f"results are not overwritten unless asked for; {printable(out)} has {listed(names)}; choose another "
            "--out, or add --force"
        )


def discover_files(
    files: Sequence[NamedFile], discovery: Discovery, *, processes: int, on_progress: OnProgress
) -> Iterator[Discovered | RefusedSound]:
    """Discover the curves of sounds, in the order in which they are done.

    Args:
        files: The sounds.
        discovery: What is done with each.
        processes: Number of sounds that are fitted at once.
        on_progress: Called during the fits, by another thread if there are several.

    Raises:
        DataError: a file cannot be written.
    """
    if len(files) == 1 or processes == 1:
        for named in files:
            yield discover_file(named, discovery, on_progress)
        return
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    executor = ProcessPoolExecutor(min(processes, len(files)), context, _start_worker, (messages,))
    relay = threading.Thread(target=_relay, args=(messages, on_progress), daemon=True)
    relay.start()
    try:
        waiting = {executor.submit(_work, named, discovery): named for named in files}
        for future in as_completed(waiting):
            try:
                yield future.result()
            except BrokenProcessPool:
                raise DataError(
                    f"a process that fitted sounds was killed, perhaps for want of memory; {printable(discovery.out)} "
                    "has those that were done; fit fewer at once by --jobs, or less of each by --seconds"
                ) from None
    finally:
        for process in list((executor._processes or {}).values()):
            process.terminate()
        executor.shutdown(wait=True, cancel_futures=True)
        messages.put(None)
        relay.join()


def discover_file(named: NamedFile, discovery: Discovery, on_progress: OnProgress) -> Discovered | RefusedSound:
    """Discover the curves of a sound and write all its files, or say why the sound cannot be used."""
    from core.discovery.sound_description import describe_sound
    from core.discovery.tempo import DEFAULT_TEMPO_BPM, track_tempo
    from dashboards.discovery.index_page import index_entry
    from dashboards.discovery.page_content import modulation_words

    started = time.monotonic()
    read = discovery.reading.read(named)
    if isinstance(read, RefusedSound):
        return read
    found = _discovered(replace(read, sound=replace(read.sound, name=named.id)), discovery, on_progress)
    tempo = discovery.tempo_bpm or track_tempo(found.target, found.audio.sample_rate) or DEFAULT_TEMPO_BPM
    description = describe_sound(
        found.curves,
        frame_rate=found.audio.frame_rate,
        mss=found.mss,
        constant_mss=found.constant_mss,
        synth=found.synth,
        tempo_bpm=tempo,
        solo_mss=_solo_distances(found),
    )
    words = modulation_words(description.as_dict())
    folder = discovery.out / named.id
    remarks = _write(found, description, words, folder, discovery, read.sound.remarks)
    return Discovered(
        named=named,
        folder=folder,
        sentence=description.sentence,
        mss=found.mss,
        constant_mss=found.constant_mss,
        remarks=remarks,
        seconds=time.monotonic() - started,
        entry=index_entry(
            found,
            sentence=description.sentence,
            page=f"{named.id}/{PAGE}",
            target=f"{named.id}/target.wav",
            estimate=f"{named.id}/estimate.wav",
            words=words,
        ),
    )


def _discovered(read: ReadSound, discovery: Discovery, on_progress: OnProgress) -> "DiscoveredSound":
    """The sound with its curves, by a fit of its own or from a trained arm."""
    from core.discovery.discover import discover, discover_from

    name = read.sound.name
    on_progress(name, 0, discovery.settings.steps)

    def on_step(step: int, n_steps: int) -> None:
        on_progress(name, step, n_steps)

    if discovery.start is None:
        return discover(
            read.sound, read.pitch, discovery.settings, follow_pitch=discovery.follow_pitch, on_step=on_step
        )
    arm, chosen = loaded_arm(discovery.start)
    origin = f"{chosen.record.arm} of {discovery.start.study}, seed {chosen.record.seed}"
    return discover_from(arm, read.sound, read.pitch, discovery.settings, origin=origin, on_step=on_step)


@cache
def loaded_arm(reference: ArmReference) -> "tuple[TrainedArm, ChosenTrial]":
    """A trained arm, loaded once per process."""
    return reference.load()


def write_index(out: Path, found: Sequence[Discovered], refused: Sequence[RefusedSound]) -> Path:
    """Write the page of several sounds, and return its path."""
    from dashboards.discovery.index_page import ProblemSound, discovery_index

    problems = [ProblemSound(name=each.named.file, reason=each.reason) for each in refused]
    ordered = sorted(found, key=lambda each: each.named.file)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / INDEX, discovery_index([each.entry for each in ordered], problems).encode())
    return out / INDEX


# ---------------------------------------------------------------------------------------------------------------------


def _write(
    found: "DiscoveredSound",
    description: "SoundDescription",
    words: "Sequence[ModulationWords]",
    folder: Path,
    discovery: Discovery,
    remarks: tuple[str, ...],
) -> tuple[str, ...]:
    """Write all files of a sound into a folder, which replaces an earlier one when it is complete.

    Returns the remarks with those on the files.
    """
    from core.discovery.files import write_sound_files
    from core.discovery.preset_check import check_preset
    from dashboards.discovery.file_lines import file_lines
    from dashboards.discovery.page import discovery_page

    with _folder_beside(folder) as draft:
        exported = write_sound_files(found, draft, tempo_bpm=description.tempo_bpm, midi_14_bit=discovery.midi_14_bit)
        if exported.no_preset_because:
            remarks += (f"no preset for Vital: {exported.no_preset_because}",)
        page = discovery_page(
            found,
            sentence=description.sentence,
            words=words,
            notes=remarks,
            files=file_lines(exported),
            index=f"../{INDEX}" if discovery.has_index else None,
        )
        (draft / PAGE).write_text(page, encoding="utf-8")
        check = None if exported.preset is None else check_preset(found, exported.preset)
        summary = _summary(found, description, exported, remarks) | {
            "preset_mss": None if check is None else asdict(check)
        }
        (draft / SUMMARY).write_text(json.dumps(summary, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return remarks


@contextmanager
def _folder_beside(folder: Path) -> Iterator[Path]:
    """A new folder that takes the place of `folder` when the block ends without an error."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=f".{folder.name[:80]}-", dir=folder.parent))
    try:
        yield draft
        draft.chmod(0o755)
        if os.path.lexists(folder):
            earlier = Path(mkdtemp(prefix=f".{folder.name[:80]}-", dir=folder.parent))
            folder.rename(earlier / folder.name)
            draft.rename(folder)
            shutil.rmtree(earlier)
        else:
            draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _summary(
    found: "DiscoveredSound", description: "SoundDescription", exported: "ExportedFiles", remarks: Sequence[str]
) -> dict[str, Any]:
    """All numbers of a sound, ready for JSON."""
    return {
        "name": found.name,
        "source": found.source,
        "sample_rate": found.audio.sample_rate,
        "duration_s": found.audio.n_samples / found.audio.sample_rate,
        "frame_rate": found.audio.frame_rate,
        "f0_hz": found.f0_hz,
        "pitch_source": found.pitch_source,
        "resonance": found.resonance,
        "gain": found.gain,
        "origin": found.origin,
        "mss": found.mss,
        "constant_mss": found.constant_mss,
        "description": description.as_dict(),
        "synth": asdict(found.synth),
        "parameterization": asdict(found.parameterization),
        "files": list(exported.names),
        "shape_errors": dict(exported.shape_errors),
        "vital_note": None if exported.preset is None else exported.preset.note,
        "midi_controllers": dict(exported.controllers),
        "remarks": list(remarks),
    }


def _solo_distances(found: "DiscoveredSound") -> dict[str, float]:
    """Distance `audio.mss` of the solo of each modulation from the sound."""
    import torch

    from core.metrics.audio import mss_distance

    solos = torch.stack([torch.from_numpy(curve.solo) for curve in found.curves])
    target = torch.from_numpy(found.target).expand_as(solos)
    distances = mss_distance(target, solos, found.audio.sample_rate).tolist()
    return dict(zip((curve.modulation.name for curve in found.curves), distances, strict=True))


_messages: "multiprocessing.Queue[Any] | None" = None
"""In a worker, the queue on which it reports progress."""


def _start_worker(messages: "multiprocessing.Queue[Any]") -> None:
    """Prepare a process for fits; Ctrl-C is for the process that started it."""
    global _messages
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_one_thread()
    _messages = messages


def use_one_thread() -> None:
    """Compute with one thread, as each of several fits does."""
    import torch

    from core.training.memory import reuse_freed_memory

    torch.set_num_threads(1)
    reuse_freed_memory()


def _work(named: NamedFile, discovery: Discovery) -> Discovered | RefusedSound:
    """`discover_file` in a worker."""
    messages = _messages
    assert messages is not None
    return discover_file(named, discovery, lambda *progress: messages.put(progress))


def _relay(messages: "multiprocessing.Queue[Any]", on_progress: OnProgress) -> None:
    """Pass progress of workers on until there is no more."""
    while (progress := messages.get()) is not None:
        on_progress(*progress)
