"""Estimated peak memory of a trial on the CPU from its config alone, in microseconds.

A training step keeps tensors for the gradient from stage to stage, and frees them in reverse order; its peak is the
largest sum of what is kept and what the present stage needs (`core.training.memory_stages`). An evaluation keeps
nothing, but its metrics hold the spectra of a few clips. Beside both lie the dataset, the weights with the states of
their optimizer and copies, and the libraries.

`python -m tests.benchmarks.memory` compares the estimate with the measured peaks of real trials: it is within a factor
of two of all of them. On a GPU the tensors of the model lie in its memory, where other operations compute them; of such
a trial only the memory of the host is estimated, and that has not been measured.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import lru_cache

from core.settings.data import SyntheticDataConfig
from core.settings.memory import COMPLEX, DOUBLE, FLOAT, Stage
from core.settings.trial import TrialConfig
from core.training.memory_stages import filterbank_bytes, model_stages, model_weights

Clips = tuple[int, int, int]
"""Numbers of training, validation and test clips."""
UNCERTAINTY = 2.0
"""Largest factor between the estimate and a measured peak."""
LIBRARIES = 500 * 2**20
"""Memory of a worker's own that imported libraries, compiled kernels and their workspaces take, measured."""
SHARED_LIBRARIES = 400 * 2**20
"""Code of these libraries, which all workers of a machine share, measured."""
_CUDA_LIBRARIES = 2 * 2**30
"""Memory of the host that a process takes which uses a GPU, assumed."""
_TRAINED_COPIES, _CHECKPOINT_COPIES = 8.0, 4.0
"""Copies of the weights in training (values, gradients, optimizer, average, best), and for writing a checkpoint."""
_FRAGMENTATION = 1.2
"""Memory of a process over that of its tensors: freed blocks stay with it, and do not fit all later ones."""
_CURVE_BYTES, _CURVE_POINTS = 4096, 12
"""Memory of a random curve of synthetic data, and of each of its segments, half of which it has on average."""
_RENDERED = 32
"""Clips of synthetic data that are rendered at once."""
_MEL_WINDOW_S, _MEL_HOP_S = 0.05, 0.0125
"""Window and hop of the mel spectrograms of metrics."""
_FEATURE_WINDOW_S = 0.02
"""Window of the features of proxies, which have the frames of the curves."""
_SPECTRA_AT_ONCE = 8
"""Clips whose spectra the metrics hold at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """Parts of the peak memory of a trial in bytes."""

    dataset: float
    """Clips of all splits, which the trials of a machine share."""
    building: float
    """What making the dataset needs besides, in the first process that uses it."""
    model: float
    """Weights with optimizer states and copies, and constant tables."""
    step: float
    """A training step."""
    evaluation: float
    """An evaluation of the largest split."""
    shared: float = SHARED_LIBRARIES + 0.0
    own: float = LIBRARIES + 0.0

    @property
    def peak(self) -> float:
        """Peak memory of a process that makes the dataset and runs the trial."""
        return self.shared + self.own + self.dataset + max(_FRAGMENTATION * self.building, self._working)

    @property
    def per_trial(self) -> float:
        """Peak memory of a further trial on a machine, without what it shares with others."""
        return self.own + self._working

    def of_trials(self, n_trials: int) -> float:
        """Peak memory of a number of such trials on one machine."""
        return max(self.peak, self.shared + self.dataset + n_trials * self.per_trial)

    @property
    def _working(self) -> float:
        """Memory of training and evaluation."""
        return self.model + _FRAGMENTATION * max(self.step, self.evaluation)


@lru_cache(maxsize=4096)
def estimate_memory(config: TrialConfig, n_clips: Clips | None = None) -> MemoryEstimate:
    """The estimate for the trials of a config, resolved or not.

    Args:
        config: The config; its seed and its numbers of steps but 0 do not matter.
        n_clips: Numbers of training, validation and test clips; those that the config expects by default.
    """
    n_clips = n_clips or config.data.expected_clips
    trainer, audio = config.trainer, config.audio
    largest = max(n_clips[1:])
    evaluated = min(trainer.evaluation_batch_size, largest)
    weights = model_weights(config) * FLOAT
    is_trained = trainer.max_steps > 0 and weights > 0
    copies = 3.0
    if is_trained:
        copies = _TRAINED_COPIES + (_CHECKPOINT_COPIES if trainer.checkpoint_every < trainer.max_steps else 0.0)
    if config.device == "cuda":
        # The tensors of the model lie in the memory of the GPU; those of the metrics do not.
        return MemoryEstimate(
            dataset=sum(n_clips) * clip_bytes(config),
            building=_building(config, n_clips),
            model=_CHECKPOINT_COPIES * weights,
            step=0.0,
            evaluation=_metrics(config, largest) + _estimates(config, largest, evaluated),
            own=LIBRARIES + float(_CUDA_LIBRARIES),
        )
    filterbank, making_it = filterbank_bytes(config.encoder)
    if config.encoded is None:
        filterbank = making_it = 0.0
    predicted = _forward(config, evaluated)
    if trainer.refine_steps > 0 and not config.is_baseline:
        # Without the gradients of the encoder, of which the estimate knows nothing smaller.
        predicted = max(predicted, _step(config, evaluated))
    constants = max(making_it, config.synth.constant_bytes(), config.parameterization.constant_bytes(audio))
    return MemoryEstimate(
        dataset=sum(n_clips) * clip_bytes(config),
        building=_building(config, n_clips),
        model=copies * weights + 2 * filterbank + constants,
        step=_step(config, trainer.batch_size) if is_trained else 0.0,
        evaluation=max(predicted, _metrics(config, largest)) + _estimates(config, largest, evaluated),
    )


def clip_bytes(config: TrialConfig) -> float:
    """Bytes of a clip with its true curves, if the data have any."""
    n_curves = len(config.data.true_modulations)
    return (config.audio.n_samples + n_curves * config.audio.n_frames + 4.0) * FLOAT


# ---------------------------------------------------------------------------------------------------------------------


def _step(config: TrialConfig, batch: int) -> float:
    """A training step: the batch, and the largest sum of what is kept and what a stage needs."""
    stages = [*model_stages(config, batch), *config.loss.memory_stages(config.audio, batch)]
    kept, largest = 0.0, 0.0
    for stage in stages:
        kept += stage.kept
        largest = max(largest, kept + max(stage.forward, stage.backward))
    return largest + 2 * batch * clip_bytes(config)


def _forward(config: TrialConfig, batch: int) -> float:
    """The model and the loss for a batch without gradients, where a stage follows the one before."""
    model = _largest(model_stages(config, batch))
    # Without a gradient the loss keeps only a chunk.
    loss = max(stage.forward for stage in config.loss.memory_stages(config.audio, batch))
    return max(model, loss) + 3 * batch * clip_bytes(config)


def _largest(stages: Iterable[Stage]) -> float:
    """Memory of the largest stage together with what the one before it hands on."""
    before, largest = 0.0, 0.0
    for stage in stages:
        largest = max(largest, before + stage.inference)
        before = stage.result
    return largest


def _estimates(config: TrialConfig, n_clips: int, batch: int) -> float:
    """Sounds of a whole split, also with a curve held, its curves, and the noise that a synth plays in a batch."""
    return (3 * n_clips + config.synth.n_noises * batch) * config.audio.n_samples * float(FLOAT)


def _metrics(config: TrialConfig, n_clips: int) -> float:
    """Metrics of a whole split: spectra of a few of its sounds, and curves in double precision."""
    audio, at_once = config.audio, float(min(n_clips, _SPECTRA_AT_ONCE))
    n_fft = _power_of_two(_MEL_WINDOW_S * audio.sample_rate)
    n_frames = audio.n_samples // max(1, round(_MEL_HOP_S * audio.sample_rate)) + 1
    # Windowed frames, spectra, and the squares of their parts.
    spectra = at_once * n_frames * (n_fft * FLOAT + (n_fft // 2 + 1) * (COMPLEX + 2 * FLOAT))
    # The same, and magnitudes, shares and their products with frequencies.
    n_fft = _power_of_two(_FEATURE_WINDOW_S * audio.sample_rate)
    features = at_once * audio.n_frames * (n_fft * FLOAT + (n_fft // 2 + 1) * (COMPLEX + 5 * FLOAT))
    n_curves = len(config.synth.modulations) + len(config.data.true_modulations)
    return max(spectra, features, 24.0 * n_clips * n_curves * audio.n_frames * DOUBLE)


def _power_of_two(window: float) -> int:
    """Length of the FFT that holds a window of so many samples."""
    return 1 << max(round(window) - 1, 1).bit_length()


def _building(config: TrialConfig, n_clips: Clips) -> float:
    """What making the dataset needs besides its clips."""
    data, audio = config.data, config.audio
    if not isinstance(data, SyntheticDataConfig):
        # One file at a time, in double precision at its own rate.
        return 8.0 * audio.n_samples * DOUBLE + max(n_clips) * clip_bytes(config)
    n_curves = len(data.true_modulations) * float(max(n_clips))
    curves = n_curves * (_CURVE_BYTES + _CURVE_POINTS * data.max_segments + 2 * audio.n_frames * DOUBLE)
    rendered = replace(config, synth=data.true_synth)
    return curves + _largest(list(model_stages(rendered, min(_RENDERED, max(n_clips))))[-2:])


def parts_of(estimate: MemoryEstimate) -> dict[str, float]:
    """Bytes by name of the part."""
    return {field.name: getattr(estimate, field.name) for field in fields(estimate)}
