"""The small preset as it first was, resolved for the CPU and written out: a fixed mark to measure speed against.

It stays as it is when `core.settings.presets.SMALL` is tuned.
"""

from core.settings.audio import AudioConfig
from core.settings.data import SyntheticDataConfig
from core.settings.encoder import EncoderConfig
from core.settings.filters import RbjFilterConfig
from core.settings.losses import MultiResolutionStftConfig, Resolution
from core.settings.optimizers import ScheduleFreeConfig
from core.settings.oscillators import FrozenWavetableConfig
from core.settings.parameterizations import LowPassConfig
from core.settings.synths import ModSynthConfig
from core.settings.trainer import TrainerConfig
from core.settings.trial import TrialConfig

_WAVETABLE = "sine_to_saw"
_WAVETABLE_SHA256 = "2b834dd8f8f5934260afc6f3dc17fbb69dac6a8f1558da4abb086b73f5707b34"
_NO_SHAPES_SHA256 = "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
_FILTER = RbjFilterConfig(min_cutoff_hz=100.0, max_cutoff_hz=8000.0, min_q=0.7071, max_q=4.0, coefficient_shrink=0.0)

FROZEN_SMALL = TrialConfig(
    seed=0,
    device="cpu",
    audio=AudioConfig(sample_rate=16_000, duration_s=1.0, hop_length=128),
    data=SyntheticDataConfig(
        seed=0,
        n_train=384,
        n_validation=32,
        n_test=64,
        min_f0_hz=110.0,
        max_f0_hz=440.0,
        max_segments=8,
        segment_widths="half_random",
        test_modulations="random",
        test_modulations_sha256=_NO_SHAPES_SHA256,
        test_cycles=1,
        wavetable=_WAVETABLE,
        wavetable_sha256=_WAVETABLE_SHA256,
        filter=_FILTER,
    ),
    encoder=EncoderConfig(
        n_fft=256,
        n_mels=32,
        delta_window_s=0.05,
        width=16,
        kernel_mel=3,
        kernel_time=5,
        dilations=(1, 1, 1, 1),
        head_hidden=16,
        stride=1,
        skip="none",
        precision="fp32",
    ),
    parameterization=LowPassConfig(cutoff_hz=8.0),
    synth=ModSynthConfig(
        oscillator=FrozenWavetableConfig(wavetable=_WAVETABLE, wavetable_sha256=_WAVETABLE_SHA256), filter=_FILTER
    ),
    loss=MultiResolutionStftConfig(
        resolutions=(
            Resolution(n_fft=512, hop_length=120, win_length=300),
            Resolution(n_fft=1024, hop_length=240, win_length=600),
            Resolution(n_fft=256, hop_length=50, win_length=120),
        )
    ),
    optimizer=ScheduleFreeConfig(
        lr=3e-3, synth_lr=5e-2, beta1=0.9, beta2=0.999, weight_decay=0.01, warmup_steps=0, averaging_power=0.0
    ),
    trainer=TrainerConfig(
        max_steps=300,
        batch_size=4,
        evaluation_batch_size=64,
        validate_every=60,
        checkpoint_every=60,
        gradient_clip=0.5,
        curriculum_share=2 / 3,
        diverged_above=100.0,
        n_audio_clips=4,
    ),
)
