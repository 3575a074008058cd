"""What one trial is: frozen dataclasses, one per part, with the range, unit and meaning of each setting beside it.

Variants are tagged unions: the type is the registry, `kind` is its name in TOML and on the command line. Ranges are
enforced where text becomes a config (`core.loading`); rules that join several settings stand in `core.rules`.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, MinLen, Unit
from typing_extensions import Doc

UnitRange = Interval(ge=0.0, le=1.0)


@dataclass(frozen=True)
class Location:
    """Marks a setting that says where something lies; its content's hash stands beside it and enters the digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalConfig:
    """The time grid that audio and modulation share."""

    sample_rate: Annotated[int, Interval(ge=8000, le=192_000), Unit("Hz"), Doc("audio sample rate")] = 16_000
    duration_s: Annotated[float, Gt(0), Unit("s"), Doc("length of a clip")] = 1.0
    hop_length: Annotated[int, Ge(1), Unit("samples"), Doc("samples from one modulation frame to the next")] = 125

    @property
    def n_samples(self) -> int:
        return round(self.sample_rate * self.duration_s)

    @property
    def n_frames(self) -> int:
        """Frames of a clip, the first on its first sample, the last one hop past the last full hop."""
        return self.n_samples // self.hop_length + 1

    @property
    def frame_rate(self) -> float:
        return self.sample_rate / self.hop_length


# ---------------------------------------------------------------------------------------------------- encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """LFO-net: log-mel features with deltas, a dilated CNN, one BiLSTM head per modulation signal."""

    n_fft: Annotated[int, Ge(16), Unit("samples"), Doc("STFT size and Hann window of the features")] = 256
    n_mels: Annotated[int, Ge(2), Doc("mel bands; each block halves them")] = 32
    delta_window_s: Annotated[float, Gt(0), Unit("s"), Doc("window of the regression deltas")] = 0.05
    width: Annotated[int, Ge(1), Doc("channels of every convolution")] = 16
    kernel_mel: Annotated[int, Ge(1), Doc("kernel size over mel bands (odd)")] = 3
    kernel_time: Annotated[int, Ge(1), Doc("kernel size over frames (odd)")] = 5
    dilations: Annotated[
        tuple[Annotated[int, Ge(1)], ...], MinLen(1), Doc("time dilation of each block; their number is the depth")
    ] = (1, 1, 1, 1)
    head_hidden: Annotated[int, Ge(1), Doc("LSTM units per direction of a head")] = 16
    stride: Annotated[
        int, Ge(1), Unit("frames"), Doc("modulation frames from one frame that the network hears to the next")
    ] = 1
    precision: Annotated[
        Literal["fp32", "bf16"], Doc("of the convolutions: 'bf16' rounds their operands, and sums in fp32")
    ] = "fp32"


# ------------------------------------------------------------------------------------------- parameterizations


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameConfig:
    """Frame by frame: one free value per frame."""

    kind: Literal["frame"] = "frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class LowPassConfig:
    """Frame values after a fixed zero-phase windowed-sinc low-pass."""

    kind: Literal["low_pass"] = "low_pass"
    cutoff_hz: Annotated[float, Gt(0), Unit("Hz"), Doc("-3 dB point of the curve's band limit")] = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SplineConfig:
    """Piecewise Bezier curve with learned, monotone knots."""

    kind: Literal["spline"] = "spline"
    n_segments: Annotated[int, Ge(1), Doc("Bezier segments")] = 8
    degree: Annotated[int, Interval(ge=1, le=3), Doc("degree of each segment")] = 3
    evaluation: Annotated[
        Literal["inverse", "forward_warp"],
        Doc("'inverse' is the literal curve y(t) = By(Bx^-1(t)); 'forward_warp' evaluates By at Bx(u)"),
    ] = "inverse"
    temperature: Annotated[float, Gt(0), Doc("softmax temperature of the knot spacings")] = 0.25
    min_spacing: Annotated[
        float, Interval(gt=0, lt=1), Doc("smallest knot spacing, as a share of the equal spacing")
    ] = 0.05
    chord_curriculum: Annotated[bool, Doc("begin training with straight segments and bend them gradually")] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSplineConfig:
    """Baseline: a random spline per clip that never looks at the sound."""

    kind: Literal["random_spline"] = "random_spline"
    n_segments: Annotated[int, Ge(1), Doc("Bezier segments")] = 24
    degree: Annotated[int, Interval(ge=1, le=3), Doc("degree of each segment")] = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantConfig:
    """Baseline: every curve is one constant."""

    kind: Literal["constant"] = "constant"
    value: Annotated[float, UnitRange, Doc("the constant")] = 0.5


ParameterizationConfig = FrameConfig | LowPassConfig | SplineConfig | RandomSplineConfig | ConstantConfig


# ------------------------------------------------------------------------------------------------------ synths


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenWavetableConfig:
    """A known wavetable that is not trained."""

    kind: Literal["frozen"] = "frozen"
    wavetable: Annotated[
        str,
        Location(),
        Doc("a built-in table, a wavetable .wav, a folder of single cycles, or 'data': the table of the data"),
    ] = "data"
    wavetable_sha256: Annotated[str | None, Doc("content of the table; filled in when the config is resolved")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnableWavetableConfig:
    """A wavetable trained with the encoder."""

    kind: Literal["learnable"] = "learnable"
    n_positions: Annotated[int, Ge(2), Doc("rows of the table")] = 16
    table_length: Annotated[int, Ge(8), Unit("samples"), Doc("samples of a cycle")] = 1024
    position_noise: Annotated[
        float, Ge(0), Doc("standard deviation of the noise on the position logits at the start of training")
    ] = 0.33


OscillatorConfig = FrozenWavetableConfig | LearnableWavetableConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class RbjFilterConfig:
    """White-box resonant low-pass (RBJ cookbook): cutoff from the curve, Q constant in a clip."""

    kind: Literal["rbj"] = "rbj"
    min_cutoff_hz: Annotated[float, Gt(0), Unit("Hz"), Doc("cutoff at curve value 0")] = 100.0
    max_cutoff_hz: Annotated[
        float, Gt(0), Unit("Hz"), Doc("cutoff at curve value 1; never above 0.45 of the sample rate")
    ] = 8000.0
    min_q: Annotated[float, Gt(0), Doc("Q at 0")] = 0.7071
    max_q: Annotated[float, Gt(0), Doc("Q at 1")] = 4.0
    coefficient_shrink: Annotated[
        float, Interval(ge=0, lt=1), Doc("pole coefficients are multiplied by 1 - this; 0.001 is the reference's")
    ] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedFilterConfig:
    """A biquad whose five coefficients are learned functions of the curve, kept inside the stability triangle."""

    kind: Literal["learned"] = "learned"
    epsilon: Annotated[float, Interval(gt=0, lt=1), Doc("distance kept from the triangle's edge")] = 1e-3
    interpolate: Annotated[Literal["coefficients", "logits"], Doc("what is interpolated from frames to samples")] = (
        "coefficients"
    )


FilterConfig = RbjFilterConfig | LearnedFilterConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ModSynthConfig:
    """Wavetable oscillator, time-varying low-pass, amplitude envelope."""

    kind: Literal["mod_synth"] = "mod_synth"
    oscillator: OscillatorConfig = field(default_factory=FrozenWavetableConfig)
    filter: FilterConfig = field(default_factory=RbjFilterConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngelConfig:
    """Harmonic oscillator plus filtered noise, then an amplitude envelope."""

    kind: Literal["engel"] = "engel"
    n_harmonics: Annotated[int, Ge(1), Doc("harmonics of f0; those at or above Nyquist are silent")] = 60
    n_noise_bands: Annotated[int, Ge(2), Doc("bands of the noise filter")] = 33
    noise_taps: Annotated[int, Ge(4), Unit("samples"), Doc("length of the noise filter (even)")] = 64


SynthConfig = ModSynthConfig | EngelConfig


# -------------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDataConfig:
    """Random modulation curves played by a white-box Mod. Synth: exact truth, made on the fly."""

    kind: Literal["synthetic"] = "synthetic"
    seed: Annotated[int, Ge(0), Doc("draws clips, splits and test phases, whatever the trial's seed")] = 0
    n_train: Annotated[int, Ge(1), Doc("training clips")] = 384
    n_validation: Annotated[int, Ge(1), Doc("validation clips")] = 32
    n_test: Annotated[int, Ge(1), Doc("test clips")] = 64
    min_f0_hz: Annotated[float, Gt(0), Unit("Hz"), Doc("lowest note; notes are log-uniform")] = 110.0
    max_f0_hz: Annotated[float, Gt(0), Unit("Hz"), Doc("highest note")] = 440.0
    max_segments: Annotated[int, Ge(1), Doc("a curve has 1 to this many segments")] = 8
    wavetable: Annotated[str, Location(), Doc("a built-in table, a wavetable .wav, or a folder of single cycles")] = (
        "sine_to_saw"
    )
    wavetable_sha256: Annotated[str | None, Doc("content of the table; filled in when the config is resolved")] = None
    filter: RbjFilterConfig = field(default_factory=RbjFilterConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFolderConfig:
    """A folder of one-note recordings (wav, flac, ogg, aiff); no truth is known."""

    kind: Literal["audio_folder"] = "audio_folder"
    folder: Annotated[str, Location(), Doc("the folder, searched with its subfolders")] = ""
    seed: Annotated[int, Ge(0), Doc("draws splits and test phases, whatever the trial's seed")] = 0
    unpitched: Annotated[Literal["skip", "assume"], Doc("what to do with a file whose pitch nothing tells")] = "skip"
    assumed_f0_hz: Annotated[float, Gt(0), Unit("Hz"), Doc("pitch given to unpitched files when assuming")] = 110.0
    validation_share: Annotated[float, Interval(gt=0, lt=1), Doc("share of the files for validation")] = 0.2
    test_share: Annotated[float, Interval(gt=0, lt=1), Doc("share of the files for test")] = 0.2
    min_files: Annotated[int, Ge(3), Doc("refuse to run with fewer usable files")] = 10
    manifest_sha256: Annotated[
        str | None, Doc("hash of the usable files and their pitches; filled in when the config is resolved")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RendersConfig:
    """A folder made by `modstudy render`: sounds of a real synth with the curves that shaped them."""

    kind: Literal["renders"] = "renders"
    folder: Annotated[str, Location(), Doc("the folder, with its manifest.parquet")] = ""
    seed: Annotated[int, Ge(0), Doc("draws splits and test phases, whatever the trial's seed")] = 0
    validation_share: Annotated[float, Interval(gt=0, lt=1), Doc("share of the patches for validation")] = 0.2
    test_share: Annotated[float, Interval(gt=0, lt=1), Doc("share of the patches for test")] = 0.2
    min_files: Annotated[int, Ge(3), Doc("refuse to run with fewer usable files")] = 10
    manifest_sha256: Annotated[
        str | None, Doc("hash of the manifest and its sounds; filled in when the config is resolved")
    ] = None


DataConfig = SyntheticDataConfig | AudioFolderConfig | RendersConfig


# ------------------------------------------------------------------------------------------- loss and training


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """One STFT resolution."""

    n_fft: Annotated[int, Ge(4), Unit("samples"), Doc("FFT size")]
    hop_length: Annotated[int, Ge(1), Unit("samples"), Doc("hop")]
    win_length: Annotated[int, Ge(2), Unit("samples"), Doc("Hann window")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiResolutionStftConfig:
    """Multi-resolution STFT distance: spectral convergence plus L1 of log magnitudes."""

    kind: Literal["mss"] = "mss"
    resolutions: Annotated[
        tuple[Resolution, ...] | None, Doc("the STFTs; unset: the standard three, scaled to the sample rate")
    ] = None


LossConfig = MultiResolutionStftConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFreeConfig:
    """Schedule-Free AdamW, one optimizer for encoder and adapters, one for the synth's own weights."""

    kind: Literal["schedule_free_adamw"] = "schedule_free_adamw"
    lr: Annotated[float, Gt(0), Doc("learning rate of encoder and adapters")] = 5e-3
    synth_lr: Annotated[float, Gt(0), Doc("learning rate of the synth's own weights")] = 5e-2
    beta1: Annotated[float, Interval(gt=0, lt=1), Doc("interpolation of the averaged iterate")] = 0.9
    beta2: Annotated[float, Interval(gt=0, lt=1), Doc("decay of the squared gradient")] = 0.999
    weight_decay: Annotated[float, Ge(0), Doc("decoupled weight decay")] = 0.01
    warmup_steps: Annotated[int, Ge(0), Unit("steps"), Doc("linear warm-up")] = 0
    averaging_power: Annotated[
        float, Ge(0), Doc("step k weighs k to this power in the averaged weights; 0 weighs all steps alike")
    ] = 2.0


OptimizerConfig = ScheduleFreeConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerConfig:
    """Length and rhythm of a trial."""

    max_steps: Annotated[
        int, Ge(0), Unit("steps"), Doc("optimizer steps; 0 leaves the encoder untrained, which is a baseline")
    ] = 300
    batch_size: Annotated[int, Ge(1), Unit("clips"), Doc("clips of a training step")] = 4
    evaluation_batch_size: Annotated[int, Ge(1), Unit("clips"), Doc("clips evaluated at once")] = 64
    validate_every: Annotated[int, Ge(1), Unit("steps"), Doc("steps from one validation to the next")] = 60
    checkpoint_every: Annotated[int, Ge(1), Unit("steps"), Doc("steps from one checkpoint to the next")] = 60
    gradient_clip: Annotated[float, Gt(0), Doc("largest gradient norm")] = 0.5
    curriculum_share: Annotated[
        float, UnitRange, Doc("share of the training over which the curriculum fades; 0 is none")
    ] = 2 / 3
    diverged_above: Annotated[float, Gt(0), Doc("a training loss above this ends the trial as diverged")] = 100.0
    n_audio_clips: Annotated[int, Ge(0), Unit("clips"), Doc("test clips whose sounds are kept to listen to")] = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialConfig:
    """Everything that decides the numbers of one trial."""

    seed: Annotated[int, Ge(0), Doc("initial weights, batch order and training phases")] = 0
    device: Annotated[Literal["auto", "cpu", "cuda"], Doc("'auto' takes CUDA where there is one")] = "auto"
    signal: SignalConfig = field(default_factory=SignalConfig)
    data: DataConfig = field(default_factory=SyntheticDataConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    parameterization: ParameterizationConfig = field(default_factory=LowPassConfig)
    synth: SynthConfig = field(default_factory=ModSynthConfig)
    loss: LossConfig = field(default_factory=MultiResolutionStftConfig)
    optimizer: OptimizerConfig = field(default_factory=ScheduleFreeConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)

    @property
    def is_baseline(self) -> bool:
        """True where nothing listens to the sound: such an arm is drawn, but never on a front."""
        return isinstance(self.parameterization, RandomSplineConfig | ConstantConfig) or self.trainer.max_steps == 0
