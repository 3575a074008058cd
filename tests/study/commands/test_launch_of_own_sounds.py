"""A study whose clips are chosen by its sounds says so, and what they cost, before anything runs."""

from pathlib import Path

import pytest

from core.settings.trial import TrialConfig
from core.training.warmup import TrialCosts
from study.commands.options import OK
from study.execution.session import Session
from tests.support.command_line import Command, flat
from tests.support.sounds import tone, write_sound
from tests.support.tiny_study import create_study, tiny_plan

SOUNDS = (
    "sounds: 12 files, most at 44.1 kHz; they last 1.5 s (median), and 99 % of their energy lies below 9.1 kHz "
    "clips, chosen by them: the first 1.5 s of each file at 22.05 kHz; curves at 126 frames per second"
)
USUAL = "the first 1 s of each file at 16 kHz"
GET_BY = ", which you get by --set audio.sample_rate=16000 --set audio.duration_s=1"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, own_cache: Path) -> Path:  # noqa: ARG001  (inspections are cached there)
    """Twelve notes of 1.5 s at 44.1 kHz with a strong partial at 9 kHz."""
    folder = tmp_path / "sounds"
    for index in range(12):
        sound = tone(130.8 + 10 * index, 44_100, seconds=1.5) + tone(9000.0, 44_100, seconds=1.5, level=0.3)
        write_sound(folder / f"p{index}_{48 + index}-100.wav", 0.5 * sound, 44_100)
    return folder


@pytest.fixture(autouse=True)
def costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that take a second per 16,000 samples, and clips that take no time."""

    def measured(config: TrialConfig) -> TrialCosts:
        return TrialCosts(step_s=config.audio.n_samples / 16_000, clip_s=0.0, n_weights=100)

    monkeypatch.setattr("core.training.warmup.measure_costs", measured)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the studies that would have run, of which none runs."""
    names: list[str] = []

    def run(session: Session, *_: object) -> int:
        names.append(session.name)
        return OK

    monkeypatch.setattr(Session, "run", run)
    return names


@pytest.mark.parametrize("command", [("launch", "--dry-run"), ("launch",), ("plan",)])
def test_clips_and_their_cost_are_said(modstudy: Command, ran: list[str], command: tuple[str, ...]) -> None:
    name, *options = command
    arguments = () if name == "plan" else ("--trials-at-once", "1")
    steps = ("--set", "trainer.max_steps=100", "--seeds", "2")
    result = modstudy(name, "own_sounds", "--set", "data.folder=sounds", *steps, *options, *arguments)
    assert result.exit_code == OK, result.output
    text = flat(result)
    assert SOUNDS in text
    assert " in all on this machine " in text
    assert f"2.1 times as long as for {USUAL} (17 min){GET_BY}" in text or name == "plan"
    assert ran == (["own_sounds"] if command == ("launch",) else [])


def test_the_usual_clips_need_no_comparison(modstudy: Command) -> None:
    usual = ("--set", "audio.sample_rate=16000", "--set", "audio.duration_s=1")
    result = modstudy("launch", "own_sounds", "--set", "data.folder=sounds", *usual, "--dry-run")
    assert result.exit_code == OK, result.output
    assert "the first 1 s of each file at 16 kHz; curves at 128 frames per second; about " in flat(result)
    assert "which you get by" not in flat(result)


@pytest.mark.usefixtures("ran")
def test_on_a_cluster_no_time_is_measured(modstudy: Command) -> None:
    result = modstudy("launch", "own_sounds", "--set", "data.folder=sounds", "--address", "10.0.0.1:6379")
    assert result.exit_code == OK, result.output
    assert "on this machine" not in flat(result)
    assert f"2.1 times as much sound as {USUAL}{GET_BY}" in flat(result)


@pytest.mark.usefixtures("ran")
def test_several_clips_of_a_file_are_called_so(modstudy: Command) -> None:
    result = modstudy("launch", "own_sounds", "--set", "data.folder=sounds", "--set", "data.clips_per_file=3")
    assert "up to 3 times 1.5 s of each file at 22.05 kHz" in flat(result)


@pytest.mark.usefixtures("ran")
def test_other_studies_say_nothing_of_it(modstudy: Command, tmp_path: Path) -> None:
    create_study(tmp_path / "runs" / "tiny", tiny_plan())
    assert "chosen by" not in flat(modstudy("launch", "quickstart", "--dry-run"))
