"""The trainer: results depend on the config alone, with or without interruption."""

import math
from collections.abc import Callable
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from core.clips import Dataset
from core.losses.build import build_loss
from core.training.checkpoint import Checkpoint, from_bytes, to_bytes
from core.training.model import build_model
from core.training.optimizers import build_optimizers
from core.training.trainer import (
    Divergence,
    FitResult,
    Progress,
    batch_indices,
    curriculum_strength,
    estimate_clips,
    evaluation_loss,
    fit,
    train_step,
)
from tests.support.configs import GREY_BOX, dataset_of, tiny

GREY_BOX_SPLINE = ("parameterization.kind=spline", "parameterization.n_segments=3", *GREY_BOX)
GATED = ("parameterization.kind=gated_spline", "parameterization.n_segments=5", "trainer.curriculum_share=0")


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def without_times(fitted: FitResult) -> list[dict[str, float]]:
    return [{name: value for name, value in entry.items() if name != "elapsed_s"} for entry in fitted.history]


@pytest.mark.parametrize(
    "assignments",
    [(), GREY_BOX_SPLINE, ("synth.kind=engel",), GATED],
    ids=["white box", "grey-box spline", "engel", "gates with noise"],
)
def test_resumed_trial_equals_an_uninterrupted_one_bit_for_bit(assignments: tuple[str, ...]) -> None:
    config = tiny(*assignments)
    dataset = dataset_of(config)
    stored: list[bytes] = []

    def store(checkpoint: Checkpoint) -> None:
        stored.append(to_bytes({field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}))

    whole = fit(config, "d", dataset, on_checkpoint=store)
    checkpoints = [Checkpoint(**from_bytes(content)) for content in stored]
    assert [checkpoint.step for checkpoint in checkpoints] == [5, 10]
    for checkpoint in checkpoints:
        resumed = fit(config, "d", dataset, resume_from=checkpoint)
        assert same(resumed.model.state_dict(), whole.model.state_dict())
        assert resumed.best_step == whole.best_step
        assert without_times(resumed) == without_times(whole)


def test_same_config_gives_the_same_numbers_and_another_seed_others() -> None:
    config = tiny()
    dataset = dataset_of(config)
    first, again = fit(config, "d", dataset), fit(config, "d", dataset_of(config))
    other = fit(replace(config, seed=1), "d", dataset)
    assert same(first.model.state_dict(), again.model.state_dict())
    assert not same(first.model.state_dict(), other.model.state_dict())


def test_training_lowers_the_loss_and_ends_with_the_best_weights() -> None:
    config = tiny("trainer.max_steps=40", "optimizer.lr=0.01")
    fitted = fit(config, "d", dataset_of(config))
    losses = [entry["validation_loss"] for entry in fitted.history]
    assert min(losses) < 0.9 * losses[0]
    best = [entry["step"] for entry in fitted.history if entry["validation_loss"] == min(losses)]
    assert best[0] == fitted.best_step


@pytest.mark.parametrize(
    "assignments", [GREY_BOX, ("synth.kind=engel",), ("parameterization.kind=random_spline",)], ids=lambda a: a[-1]
)
def test_estimate_of_a_clip_depends_on_neither_the_batch_size_nor_the_other_clips(assignments: tuple[str, ...]) -> None:
    config = tiny(*assignments)
    model, clips = build_model(config), dataset_of(config).test
    whole = estimate_clips(model, clips, "test", config)
    small = replace(config, trainer=replace(config.trainer, evaluation_batch_size=3))
    chosen = torch.tensor([2, 0])
    for together, apart, subset in zip(
        whole.results,
        estimate_clips(model, clips, "test", small).results,
        estimate_clips(model, clips[chosen], "test", config).results,
        strict=True,
    ):
        torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-4, equal_nan=True)
        torch.testing.assert_close(together[chosen], subset, atol=1e-5, rtol=1e-4, equal_nan=True)


@pytest.mark.parametrize("kind", ["random_spline", "random_frame", "oracle", "constant"])
def test_baseline_without_anything_to_train_is_evaluated_at_once(kind: str) -> None:
    config = tiny(f"parameterization.kind={kind}")
    assert config.is_baseline
    fitted = fit(config, "d", dataset_of(config))
    assert fitted.steps == 0
    assert math.isfinite(fitted.history[0]["validation_loss"])


def test_baseline_with_a_learned_synth_trains_the_synth() -> None:
    assert fit(tiny("parameterization.kind=constant", *GREY_BOX), "d", dataset_of(tiny())).steps == 12


def test_random_splines_of_a_baseline_differ_between_seeds() -> None:
    config = tiny("parameterization.kind=random_spline")
    clips = dataset_of(config).test
    seeds = [replace(config, seed=seed) for seed in (0, 0, 1)]
    curves = [estimate_clips(build_model(config), clips, "test", trial).curves.modulation for trial in seeds]
    assert torch.equal(curves[0], curves[1])
    assert not torch.equal(curves[0], curves[2])


class TestRandomSplineInAGreyBox:
    def test_training_and_selection_are_those_of_the_spline_that_is_replaced_in_the_results(self) -> None:
        random = tiny("parameterization.kind=random_spline", "parameterization.n_segments=3", *GREY_BOX)
        spline = tiny(*GREY_BOX_SPLINE)
        dataset = dataset_of(spline)
        replaced, kept = fit(random, "d", dataset), fit(spline, "d", dataset)
        assert random.is_baseline
        assert without_times(replaced) == without_times(kept)
        assert replaced.best_step == kept.best_step
        results, kept_results = (
            estimate_clips(fitted.model, dataset.test, "test", config)
            for fitted, config in ((replaced, random), (kept, spline))
        )
        drawn = estimate_clips(
            build_model(tiny("parameterization.kind=random_spline", "parameterization.n_segments=3")),
            dataset.test,
            "test",
            random,
        )
        assert torch.equal(results.curves.modulation, drawn.curves.modulation)
        assert not torch.equal(results.curves.modulation, kept_results.curves.modulation)

    def test_on_random_curves_the_synth_is_trained_without_an_encoder(self) -> None:
        config = tiny("parameterization.kind=random_spline", "parameterization.training=random", *GREY_BOX)
        fitted = fit(config, "d", dataset_of(config))
        assert fitted.steps == 12
        assert not [name for name in fitted.model.state_dict() if "encoder" in name]


class TestOracle:
    def test_the_true_curves_give_almost_the_sound_in_a_white_box(self) -> None:
        oracle, constant = tiny("parameterization.kind=oracle"), tiny("parameterization.kind=constant")
        dataset = dataset_of(oracle)
        losses = [fit(each, "d", dataset).history[0]["validation_loss"] for each in (oracle, constant)]
        assert losses[0] < 0.3 * losses[1], "only the phases differ"
        assert oracle.is_baseline

    def test_the_rest_is_trained_with_them_in_a_grey_box(self) -> None:
        config = tiny("parameterization.kind=oracle", *GREY_BOX)
        dataset = dataset_of(config)
        fitted = fit(config, "d", dataset)
        assert fitted.steps == 12
        assert dataset.test.modulation is not None
        estimate = estimate_clips(fitted.model, dataset.test, "test", config)
        assert torch.equal(estimate.curves.modulation, dataset.test.modulation)
        assert fitted.history[-1]["validation_loss"] < fitted.history[0]["validation_loss"]


def test_a_penalty_is_part_of_the_training_loss_only() -> None:
    free, priced = (tiny(*GATED, f"parameterization.gate_penalty={weight}") for weight in (0, 1.0))
    dataset = dataset_of(free)
    losses, validation = [], []
    for config in (free, priced):
        model, loss_function = build_model(config), build_loss(config.loss)
        validation.append(evaluation_loss(model, dataset.validation, "validation", config, loss_function))
        optimizers = build_optimizers(model, config.optimizer)
        losses.append(float(train_step(model, optimizers, dataset.train, loss_function, config, 0)))
    assert validation[0] == validation[1]
    # Nearly all of the 5 segments are open at the start.
    assert 4 < losses[1] - losses[0] < 5


class TestDivergence:
    def test_loss_above_the_limit_ends_the_training(self) -> None:
        config = tiny("trainer.diverged_above=0.5")
        fitted = fit(config, "d", dataset_of(config))
        assert fitted.steps == 1
        assert fitted.divergence is not None
        assert fitted.divergence.outcome == "diverged"
        assert "trainer.diverged_above=0.5" in fitted.divergence.reason

    def test_training_loss_that_is_no_number_ends_the_training(self) -> None:
        dataset = dataset_of(tiny())
        broken = replace(dataset.train, audio=torch.full_like(dataset.train.audio, math.nan))
        fitted = fit(tiny(), "d", Dataset(train=broken, validation=dataset.validation, test=dataset.test))
        assert fitted.divergence is not None
        assert fitted.divergence.outcome == "nan"
        assert "it was nan at step 1" in fitted.divergence.reason

    def test_validation_loss_that_is_no_number_ends_the_training(self) -> None:
        dataset = dataset_of(tiny())
        broken = replace(dataset.validation, audio=torch.full_like(dataset.validation.audio, math.nan))
        fitted = fit(tiny(), "d", Dataset(train=dataset.train, validation=broken, test=dataset.test))
        assert fitted.divergence == Divergence("nan", "a validation loss must be a number; it was nan at step 0")
        assert fitted.history == ()


class TestLossesReadLater:
    """On a GPU the losses of several steps are read at once; here the CPU's are."""

    @pytest.fixture
    def reads_later(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
        return lambda later: monkeypatch.setattr("core.training.trainer.reading_waits", lambda _: later)

    def test_history_progress_and_checkpoints_are_the_same(self, reads_later: Callable[[bool], None]) -> None:
        config = tiny()
        dataset = dataset_of(config)
        found = []
        for later in (False, True):
            reads_later(later)
            losses: list[list[float]] = []
            progress: list[Progress] = []

            def store(checkpoint: Checkpoint, losses: list[list[float]] = losses) -> None:
                losses.append(list(checkpoint.recent_losses))

            fitted = fit(config, "d", dataset, on_checkpoint=store, on_progress=progress.append)
            found.append(
                (without_times(fitted), losses, [replace(seen, elapsed_s=0.0, history=()) for seen in progress])
            )
        assert [len(recent) for recent in found[0][1]] == [1, 2], "steps since the last validation"
        assert found[0] == found[1]

    def test_divergence_is_reported_at_its_step_and_ends_the_training_where_it_is_read(
        self, reads_later: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = tiny()
        for later, last_step in ((False, 3), (True, 4)):
            reads_later(later)
            losses = iter(torch.tensor([3.0, 2.0, 200.0, math.nan]))
            monkeypatch.setattr("core.training.trainer.train_step", lambda *_, losses=losses: next(losses))
            fitted = fit(config, "d", dataset_of(config))
            assert fitted.divergence is not None
            assert "trainer.diverged_above=100; it was 200 at step 3;" in fitted.divergence.reason
            assert fitted.steps == last_step


def test_progress_is_reported_every_ten_steps_and_at_each_validation() -> None:
    config = tiny()
    seen: list[Progress] = []
    fit(config, "d", dataset_of(config), on_progress=seen.append)
    assert [progress.step for progress in seen] == [4, 8, 10, 12]
    assert all(progress.max_steps == 12 and progress.train_loss is not None for progress in seen)


def test_batches_are_full_and_pass_every_clip_once_an_epoch() -> None:
    indices = torch.cat([batch_indices(0, 10, 4, step) for step in range(5)])
    assert sorted(indices[:10].tolist()) == list(range(10))
    assert sorted(indices[10:].tolist()) == list(range(10))
    assert indices[:10].tolist() != indices[10:].tolist()


def test_curriculum_fades_over_its_share_of_the_training() -> None:
    trainer = replace(tiny().trainer, max_steps=30)
    assert [round(curriculum_strength(trainer, step), 3) for step in (0, 10, 20, 29)] == [1, 0.5, 0, 0]
    assert curriculum_strength(replace(trainer, curriculum_share=0.0), 0) == 0
