"""Config of a trial, which contains every setting that affects its results."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from typing_extensions import Doc

from core.errors import ConfigError
from core.ops.sizes import max_spline_segments
from core.settings.annotations import SeedRange
from core.settings.audio import AudioConfig
from core.settings.baselines import RandomSplineConfig
from core.settings.data import DataConfig, SyntheticDataConfig
from core.settings.digest import settings_sha256, trial_digest
from core.settings.encoder import EncoderConfig
from core.settings.losses import LossConfig, MultiResolutionStftConfig
from core.settings.optimizers import OptimizerConfig, ScheduleFreeConfig
from core.settings.parameterizations import LowPassConfig, ParameterizationConfig, SplineConfig
from core.settings.synths import ModSynthConfig, SynthConfig
from core.settings.trainer import TrainerConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialConfig:
    """All settings that affect the results of a trial."""

    seed: Annotated[int, SeedRange, Doc("seed of initial weights, batch order and oscillator phases in training")] = 0
    device: Annotated[Literal["auto", "cpu", "cuda"], Doc("'auto' uses CUDA if available")] = "auto"
    audio: AudioConfig = field(default_factory=AudioConfig)
    data: DataConfig = field(default_factory=SyntheticDataConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    parameterization: ParameterizationConfig = field(default_factory=LowPassConfig)
    synth: SynthConfig = field(default_factory=ModSynthConfig)
    loss: LossConfig = field(default_factory=MultiResolutionStftConfig)
    optimizer: OptimizerConfig = field(default_factory=ScheduleFreeConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)

    @property
    def digest(self) -> str:
        """Identifier of the trial of a resolved config.

        Raises:
            ConfigError: the config is not resolved.
        """
        return trial_digest(self.arm_sha256, self.seed)

    @property
    def arm_sha256(self) -> str:
        """Hash of a resolved config without its seed, from which the digests of all seeds follow.

        Raises:
            ConfigError: the config is not resolved.
        """
        if self.device == "auto":
            raise ConfigError(
                "only a resolved config has a digest: device is still 'auto'; call core.training.resolve.resolve"
            )
        return settings_sha256(replace(self, seed=0))

    def at_rate(self, sample_rate: int, from_rate: int) -> "TrialConfig":
        """The config with its parts made for clips of another sample rate; `audio` itself is unchanged.

        Args:
            sample_rate: The sample rate in Hz.
            from_rate: The sample rate for which the parts were made.
        """
        return replace(
            self,
            encoder=self.encoder.at_rate(sample_rate, from_rate),
            synth=self.synth.at_rate(sample_rate, from_rate),
            loss=self.loss.at_rate(sample_rate, from_rate),
        )

    @property
    def is_baseline(self) -> bool:
        """Whether an arm is only there to compare with; it is plotted, but never part of a Pareto front.

        Its curves do not depend on the sound, or most of its controls have no curve at all (a granular synth).
        """
        is_granular = self.synth.control == "granular"
        return self.parameterization.is_baseline or self.trainer.max_steps == 0 or is_granular

    @property
    def encoded(self) -> ParameterizationConfig | None:
        """Parameterization whose logits an encoder is trained to predict; None if the curves need no encoder.

        A random spline has one where the synth is learned with the curves of an encoder. It has as many segments as the
        random one, or as many as the frames allow.
        """
        config = self.parameterization
        if not isinstance(config, RandomSplineConfig):
            return None if config.is_baseline else config
        if config.training == "random" or not self.synth.n_weights():
            return None
        n_segments = min(config.n_segments, max_spline_segments(config.degree, self.audio.n_frames))
        return SplineConfig(n_segments=n_segments, degree=config.degree)

    @property
    def is_white_box(self) -> bool:
        """Whether a resolved config has the synth that made the sounds; recovered and true curves are comparable."""
        true_synth = self.data.true_synth
        if type(true_synth) is not type(self.synth):
            return False
        return true_synth == self.synth or settings_sha256(true_synth) == settings_sha256(self.synth)
