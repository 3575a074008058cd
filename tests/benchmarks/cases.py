"""What `make bench` measures: sizes and parts as data."""

from dataclasses import dataclass

from core.ops.convolution import Precision
from core.settings.dotted import nest
from core.settings.loading import apply_settings, parse_assignment
from core.settings.presets import PAPER, SMALL, Preset
from core.settings.trial import TrialConfig
from core.training.resolve import resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One part of the work at one size, by stock and by us."""

    name: str
    part: str
    """A name in `parts.PARTS`."""
    preset: Preset
    settings: tuple[str, ...] = ()
    precision: Precision = "fp32"
    """Of ours; stock is always fp32."""

    def config(self) -> TrialConfig:
        settings = nest(parse_assignment(text) for text in (*self.settings, "device=cpu"))
        return resolve(apply_settings(self.preset, settings)).config


GREY_BOX = ("synth.oscillator.kind=learnable", "synth.filter.kind=learned")
LOW_PASS = ("parameterization.kind=low_pass",)
ONE_SECOND_AT_48_KHZ = ("audio.duration_s=1.0", "audio.hop_length=250", "trainer.batch_size=8", *GREY_BOX, *LOW_PASS)

_WIDTHS: tuple[tuple[int, Precision], ...] = ((16, "fp32"), (32, "fp32"), (32, "bf16"), (64, "fp32"), (64, "bf16"))
_PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")

STEPS = (
    *(
        Case(name=f"step/small/{kind}", part="step", preset=SMALL, settings=(f"parameterization.kind={kind}",))
        for kind in ("frame", "low_pass", "spline")
    ),
    Case(name="step/small/grey_box", part="step", preset=SMALL, settings=(*GREY_BOX, *LOW_PASS)),
    *(
        Case(name=f"step/small/{kind}", part="step", preset=SMALL, settings=(f"synth.kind={kind}", *LOW_PASS))
        for kind in ("engel", "shan", "fm", "subtractive")
    ),
    *(
        Case(
            name=f"step/48k-1s/width-{width}{'' if precision == 'fp32' else '/' + precision}",
            part="step",
            preset=PAPER,
            settings=(*ONE_SECOND_AT_48_KHZ, f"encoder.width={width}"),
            precision=precision,
        )
        for width, precision in _WIDTHS
    ),
    *(
        Case(
            name=f"step/reference{'' if precision == 'fp32' else '/' + precision}",
            part="step",
            preset=PAPER,
            settings=("trainer.batch_size=2", *LOW_PASS),
            precision=precision,
        )
        for precision in _PRECISIONS
    ),
)

_SIZES = {"small": (SMALL, (*GREY_BOX, *LOW_PASS)), "48k-1s": (PAPER, (*ONE_SECOND_AT_48_KHZ, "encoder.width=32"))}
_OF_PART = {
    "oscillator-frozen": ("synth.oscillator.kind=frozen",),
    "splines": ("parameterization.kind=spline",),
    "splines-warp": ("parameterization.kind=spline", "parameterization.evaluation=forward_warp"),
}

PARTS = (
    *(
        Case(name=f"{part}/{size}", part=part, preset=preset, settings=(*settings, *_OF_PART.get(part, ())))
        for part in (
            "all-but-cnn",
            "biquad",
            "ladder",
            "oscillator-frozen",
            "oscillator-learnable",
            "loss",
            "splines",
            "splines-warp",
            "features",
        )
        for size, (preset, settings) in _SIZES.items()
    ),
    Case(name="metrics/small", part="metrics", preset=SMALL),
)

CASES: tuple[Case, ...] = (*STEPS, *PARTS)
