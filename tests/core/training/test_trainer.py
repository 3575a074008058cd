"""The trainer: the same digest gives the same numbers, interrupted or not."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from core.clips import Clips, Dataset
from core.data.build import build_dataset
from core.errors import StoreError
from core.seeding import generator
from core.settings.dotted import nest
from core.settings.loading import apply_settings, parse_assignment, preset_named
from core.settings.trial import TrialConfig
from core.storage.store import Store
from core.synths.note import draw_note
from core.training.checkpoint import Checkpoint, from_bytes, latest_checkpoint, save_checkpoint, to_bytes
from core.training.model import build_model
from core.training.optimizers import averaged_model, build_optimizers
from core.training.resolve import resolve
from core.training.trainer import Progress, batch_indices, curriculum_strength, estimate_clips, fit

TINY = (
    "audio.duration_s=0.25",
    "audio.hop_length=80",
    "encoder.n_fft=256",
    "encoder.n_mels=16",
    "encoder.width=4",
    "encoder.dilations=[1,2]",
    "encoder.head_hidden=4",
    "data.n_train=12",
    "data.n_validation=4",
    "data.n_test=4",
    "trainer.max_steps=12",
    "trainer.batch_size=4",
    "trainer.validate_every=4",
    "trainer.checkpoint_every=5",
    "device=cpu",
)


def tiny(*assignments: str) -> TrialConfig:
    settings = nest(map(parse_assignment, (*TINY, *assignments)))
    return resolve(apply_settings(preset_named("small"), settings)).config


GREY = ("synth.oscillator.kind=learnable", "synth.oscillator.table_length=64", "synth.filter.kind=learned")


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize(
    "assignments",
    [(), ("parameterization.kind=spline", "parameterization.n_segments=3", *GREY), ("synth.kind=engel",)],
    ids=["white box", "grey-box spline", "engel"],
)
def test_resumed_trial_equals_an_uninterrupted_one_bit_for_bit(assignments: tuple[str, ...]) -> None:
    config = tiny(*assignments)
    dataset = build_dataset(config)
    kept = []
    whole = fit(config, "d", dataset, keep=lambda checkpoint: kept.append(from_bytes(to_bytes(as_dict(checkpoint)))))
    assert [content["step"] for content in kept] == [5, 10]
    for content in kept:
        resumed = fit(config, "d", dataset, resume_from=Checkpoint(**content))
        assert same(resumed.model.state_dict(), whole.model.state_dict())
        assert resumed.best_step == whole.best_step
        assert [numbers(entry) for entry in resumed.history] == [numbers(entry) for entry in whole.history]


def as_dict(checkpoint: Checkpoint) -> dict[str, object]:
    return {name: getattr(checkpoint, name) for name in Checkpoint.__dataclass_fields__}


def numbers(entry: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in entry.items() if name != "elapsed_s"}


def test_same_config_gives_the_same_numbers_and_another_seed_others() -> None:
    config = tiny()
    dataset = build_dataset(config)
    first, again = fit(config, "d", dataset), fit(config, "d", build_dataset(config))
    other = fit(replace(config, seed=1), "d", dataset)
    assert same(first.model.state_dict(), again.model.state_dict())
    assert not same(first.model.state_dict(), other.model.state_dict())


def test_arms_of_one_seed_start_from_equal_weights_where_they_share_modules() -> None:
    frame = build_model(tiny("parameterization.kind=frame")).state_dict()
    lowpass = build_model(tiny("parameterization.kind=low_pass")).state_dict()
    spline = build_model(tiny("parameterization.kind=spline", "parameterization.n_segments=3", *GREY)).state_dict()
    assert same(frame, lowpass)
    shared = [name for name in frame if name in spline and frame[name].shape == spline[name].shape]
    assert len([name for name in shared if "blocks" in name or "lstm" in name]) > 10
    assert all(torch.equal(frame[name], spline[name]) for name in shared)


def test_data_belong_to_their_own_seed() -> None:
    config = tiny()
    first, other_trial = build_dataset(config), build_dataset(replace(config, seed=9))
    assert torch.equal(first.test.audio, other_trial.test.audio)
    other_data = build_dataset(replace(config, data=replace(config.data, seed=1)))
    assert not torch.equal(first.test.audio, other_data.test.audio)
    assert not set(first.train.ids) & set(first.test.ids)


def test_training_lowers_the_loss() -> None:
    config = tiny("trainer.max_steps=40", "optimizer.lr=0.01")
    fitted = fit(config, "d", build_dataset(config))
    losses = [entry["validation_loss"] for entry in fitted.history]
    assert min(losses) < 0.9 * losses[0]
    best = [entry["step"] for entry in fitted.history if entry["validation_loss"] == min(losses)]
    assert best[0] == fitted.best_step


def test_white_box_is_perfect_on_the_true_curves_at_the_same_phase() -> None:
    config = tiny()
    test = build_dataset(config).test
    synth = build_model(config).synth
    first = config.data.n_train + config.data.n_validation
    note = draw_note(test, generator(config.data.seed, "target phase", first), with_noise=False)
    assert test.modulation is not None
    torch.testing.assert_close(synth(test.modulation, note), test.audio, atol=1e-6, rtol=0)


def test_estimate_of_a_clip_does_not_depend_on_the_batch_size() -> None:
    config = tiny(*GREY)
    model, clips = build_model(config), build_dataset(config).test
    whole = estimate_clips(model, clips, "test", config)
    small = replace(config, trainer=replace(config.trainer, evaluation_batch_size=3))
    for together, apart in zip(whole, estimate_clips(model, clips, "test", small), strict=True):
        torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-4)


def test_averaged_copy_holds_schedule_free_s_average_and_leaves_training_alone() -> None:
    config = tiny()
    model = build_model(config)
    optimizers = build_optimizers(model, config.optimizer)
    for optimizer in optimizers:
        optimizer.take([torch.ones_like(parameter) for parameter in optimizer.parameters])
    # After a single step the average is that step's weights.
    for _ in range(3):
        for optimizer in optimizers:
            optimizer.step()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    averaged = averaged_model(model, optimizers)
    assert same(before, model.state_dict())
    (optimizer,) = optimizers
    ((vector, state),) = optimizer.state.items()
    mean = nn.utils.parameters_to_vector(averaged.parameters())
    torch.testing.assert_close(mean, torch.lerp(vector, state["z"], 1 - 1 / 0.9))
    assert not torch.equal(mean, vector)


def test_baselines_without_anything_to_train_are_evaluated_at_once() -> None:
    for kind in ("random_spline", "constant"):
        config = tiny(f"parameterization.kind={kind}")
        assert config.is_baseline
        fitted = fit(config, "d", build_dataset(config))
        assert fitted.steps == 0
        assert math.isfinite(fitted.history[0]["validation_loss"])
    grey = fit(tiny("parameterization.kind=constant", *GREY), "d", build_dataset(tiny()))
    assert grey.steps == 12


def test_random_splines_of_a_baseline_differ_between_seeds() -> None:
    config = tiny("parameterization.kind=random_spline")
    clips = build_dataset(config).test
    curves = [estimate_clips(build_model(config), clips, "test", replace(config, seed=seed))[1] for seed in (0, 0, 1)]
    assert torch.equal(curves[0], curves[1])
    assert not torch.equal(curves[0], curves[2])


def test_divergence_has_a_name() -> None:
    config = tiny("trainer.diverged_above=0.5")
    fitted = fit(config, "d", build_dataset(config))
    assert fitted.steps == 1
    assert fitted.divergence is not None
    assert "trainer.diverged_above=0.5" in fitted.divergence
    dataset = build_dataset(config)
    broken = replace(dataset.train, audio=torch.full_like(dataset.train.audio, math.nan))
    fitted = fit(tiny(), "d", Dataset(train=broken, validation=dataset.validation, test=dataset.test))
    assert fitted.divergence is not None
    assert "nan" in fitted.divergence
    broken = replace(dataset.validation, audio=torch.full_like(dataset.validation.audio, math.nan))
    fitted = fit(tiny(), "d", Dataset(train=dataset.train, validation=broken, test=dataset.test))
    assert fitted.divergence == "a validation loss must be a number; it was nan at step 0"
    assert fitted.history == ()


def test_progress_is_reported_at_each_validation() -> None:
    config = tiny()
    seen: list[Progress] = []
    fit(config, "d", build_dataset(config), report=seen.append)
    assert [progress.step for progress in seen] == [4, 8, 10, 12]
    assert all(progress.max_steps == 12 and progress.train_loss is not None for progress in seen)


def test_batches_are_full_and_pass_every_clip_once_an_epoch() -> None:
    indices = torch.cat([batch_indices(0, 10, 4, step) for step in range(5)])
    assert sorted(indices[:10].tolist()) == list(range(10))
    assert sorted(indices[10:].tolist()) == list(range(10))
    assert indices[:10].tolist() != indices[10:].tolist()


def test_curriculum_fades_over_its_share() -> None:
    trainer = replace(tiny().trainer, max_steps=30)
    assert [round(curriculum_strength(trainer, step), 3) for step in (0, 10, 20, 29)] == [1, 0.5, 0, 0]
    assert curriculum_strength(replace(trainer, curriculum_share=0.0), 0) == 0


class TestCheckpoints:
    def checkpoint(self, step: int, name: str) -> Checkpoint:
        weights = {"w": torch.ones(2)}
        return Checkpoint(
            digest=name, step=step, model=weights, optimizers=[], best_model=weights, best_step=0, best_loss=1.0
        )

    def test_furthest_of_all_attempts_is_found_and_old_ones_are_dropped(self, tmp_path: Path) -> None:
        store = Store(tmp_path)
        first, second = store.begin("d"), None
        for step in (5, 10, 15):
            save_checkpoint(first, self.checkpoint(step, "d"))
        second = store.begin("d")
        save_checkpoint(second, self.checkpoint(5, "d"))
        assert first.names() == ["checkpoint-00000010.pt", "checkpoint-00000015.pt"]
        found = latest_checkpoint(store, "d")
        assert found is not None
        assert found.step == 15
        assert latest_checkpoint(store, "other") is None

    def test_damaged_one_is_passed_over(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        store = Store(tmp_path)
        attempt = store.begin("d")
        save_checkpoint(attempt, self.checkpoint(5, "d"))
        attempt.put("checkpoint-00000010.pt", attempt.get("checkpoint-00000005.pt")[:100])
        found = latest_checkpoint(store, "d")
        assert found is not None
        assert found.step == 5
        assert "damaged checkpoint" in caplog.text

    def test_one_of_another_config_is_refused(self, tmp_path: Path) -> None:
        store = Store(tmp_path)
        save_checkpoint(store.begin("d"), self.checkpoint(5, "e"))
        with pytest.raises(StoreError, match="was written by config e, not d"):
            latest_checkpoint(store, "d")


def test_digest_of_the_tiny_config_is_stable_between_processes() -> None:
    assert tiny().digest == tiny().digest
    assert len(tiny().digest) == 16


def test_clips_are_picked_by_slice_and_index() -> None:
    clips = Clips(ids=("a", "b", "c"), audio=torch.eye(3), f0_hz=torch.arange(3.0), q=torch.zeros(3), modulation=None)
    assert clips[torch.tensor([2, 0])].ids == ("c", "a")
    assert clips[slice(1, 9)].f0_hz.tolist() == [1.0, 2.0]
