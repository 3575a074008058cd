"""`modstudy sounds` makes the test sounds of a study again and measures them."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from core.clips import Clips
from core.data.dataset_cache import cached_dataset
from core.metrics.embeddings import cepstra, embed, frechet_audio_distance
from core.settings.loading import from_settings
from core.storage.sounds import audio_name
from core.storage.store import Store
from core.training.model import Estimate, EstimatedCurves
from core.training.trained_synth import trained_model
from core.training.trainer import estimate_clips
from core.training.trial import run_trial
from study.commands.options import BAD_INPUT, OK
from study.sound_distances import measures_of, sound_distances
from tests.support.command_line import Command, flat
from tests.support.tiny_study import ARMS, TINY, create_study, tiny_plan


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A study with a trained trial and a baseline, on short sounds, all of which are stored."""
    config = TINY["config"]
    changes = {
        "audio": {"duration_s": 0.25},
        "encoder": {"width": 4, "dilations": [1, 2]},
        "trainer": {**config["trainer"], "max_steps": 2, "n_audio_clips": 4},
    }
    plan = tiny_plan(seeds=[0], arms=ARMS[1:], config={**config, **changes})
    store = create_study(tmp_path_factory.mktemp("sounds") / "tiny", plan)
    for each in plan.trials:
        run_trial(from_settings(plan.config_of(each)), store=store, study="tiny", arm=each.arm)
    return store


def root_of(store: Store) -> tuple[str, str]:
    return "--root", str(Path(store.root).parent)


def test_each_arm_has_the_distance_of_the_sounds_of_its_evaluation(
    modstudy: Command, store: Store, tmp_path: Path
) -> None:
    result = modstudy("sounds", "tiny", *root_of(store), "--out", str(tmp_path / "fad.csv"))
    assert result.exit_code == OK, result.output
    assert "fad.mfcc, smaller is better" in flat(result)
    assert "From 4 sounds on either side, in 40 dimensions." in flat(result)
    rows = list(csv.DictReader((tmp_path / "fad.csv").read_text().splitlines()))
    assert [row["arm"] for row in rows] == ["frame", "constant"]
    assert {(row["n_clips"], row["n_undefined"], row["is_rank_deficient"]) for row in rows} == {("4", "0", "False")}
    for row, record in zip(rows, sorted(store.ledger(), key=lambda record: record.is_baseline), strict=True):
        attempt, config = store.attempt_of(record), from_settings(record.config)
        clips = cached_dataset(config).test
        again = estimate_clips(trained_model(attempt, config), clips, "test", config).audio
        for role, sounds in (("target", clips.audio), ("estimate", again)):
            for clip_id, sound in zip(clips.ids, sounds, strict=True):
                stored, _ = soundfile.read(io.BytesIO(attempt.get(audio_name(clip_id, role))), dtype="float32")
                # Stored sounds have 16 bits, and are scaled down where they exceed full scale.
                gain = min(1.0, 0.999 / float(sound.abs().max()))
                assert np.abs(stored - gain * sound.numpy()).max() < 2 / 2**15
        expected = frechet_audio_distance(*(embed(cepstra, each.numpy(), 16_000) for each in (clips.audio, again)))
        assert float(row["value"]) == pytest.approx(expected.value, rel=1e-3)


def test_sounds_that_are_not_finite_are_left_out_and_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def flawed(_: object, clips: Clips, *__: object) -> Estimate:
        audio = 0.5 * clips.audio
        audio[1, 7] = torch.nan
        still = torch.zeros(4, 3, 1)
        return Estimate(audio, EstimatedCurves(modulation=still, numbers=still[..., 0], penalty=still.sum()))

    monkeypatch.setattr("study.sound_distances.estimate_clips", flawed)
    (found,) = sound_distances(store, [next(iter(store.ledger()))], measures_of(["mfcc"], 0))
    assert found.n_undefined == 1
    assert found.value is not None


def test_mistakes_are_refused_before_sounds_are_made(modstudy: Command, store: Store) -> None:
    for arguments, message in {
        ("--arm", "fram"): "there is no arm 'fram'; did you mean frame?",
        ("--embedding", "clap"): "an embedding is mfcc or module:function; got 'clap'",
        ("--embedding", "no_such_module:embed"): "cannot be imported",
    }.items():
        result = modstudy("sounds", "tiny", *root_of(store), *arguments)
        assert result.exit_code == BAD_INPUT
        assert message in flat(result)


def test_a_study_without_finished_trials_is_refused(modstudy: Command, tmp_path: Path) -> None:
    create_study(tmp_path / "runs" / "tiny", tiny_plan())
    result = modstudy("sounds", "tiny")
    assert result.exit_code == BAD_INPUT
    assert "no trial of tiny has finished yet" in flat(result)
