"""Base class of the configs of all synths, and the options that synths share."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from annotated_types import Interval, Unit
from typing_extensions import Doc

from core.errors import ConfigError
from core.modulations import Modulation
from core.settings.audio import AudioConfig
from core.settings.filters import RbjFilterConfig
from core.settings.memory import FLOAT, Stage, adapter_weights
from core.settings.variants import Variant

AnySynth = TypeVar("AnySynth", bound="SynthVariant")
"""Any config class of a synth."""
VIBRATO = Modulation("vibrato", "pitch around that of the note")
"""The curve that moves the pitch of any synth."""
VibratoDepth = Annotated[
    float,
    Interval(ge=0, le=12),
    Unit("semitones"),
    Doc("largest deviation of the pitch, which a further curve, vibrato, moves; 0 for a constant pitch without it"),
]
Control = Annotated[
    Literal["curves", "granular"],
    Doc(
        "'granular': all controls of modules that have several are predicted frame by frame, without a curve and its "
        "adapter in between; a reference for the sound that cannot be interpreted"
    ),
]


class SynthVariant(Variant):
    """Base class of the configs of all synths."""

    __slots__ = ()

    module_modulations: ClassVar[tuple[Modulation, ...]]
    """The curves that control its modules if `control` is 'curves'."""
    n_noises: ClassVar[int] = 0
    """Number of signals of noise as long as a clip that it plays."""
    # Synths whose config has these settings replace the values.
    vibrato_semitones: float = 0.0
    """Largest deviation of the pitch that the curve `vibrato` controls; without it 0."""
    control: Literal["curves", "granular"] = "curves"
    """Whether all controls of modules with several follow from one curve."""

    @property
    def resonant_filter(self) -> RbjFilterConfig | None:
        """Its filter with a cutoff and a resonance; None if it has none, or one that is learned."""
        return None

    @property
    def adapted_controls(self) -> Mapping[str, int]:
        """Number of controls of each module that has several, by the name of the curve that an adapter maps to them."""
        return {}

    @property
    def modulations(self) -> tuple[Modulation, ...]:
        """The curves that control the synth, in the order of its input.

        Of a granular synth only those that control one number each; their curves have no limit but the frame rate, and
        share the sound with controls that no curve describes, so they are not comparable with those of other arms.
        """
        granular = self.adapted_controls if self.control == "granular" else {}
        own = tuple(modulation for modulation in self.module_modulations if modulation.name not in granular)
        return (*own, VIBRATO) if self.vibrato_semitones > 0 else own

    @property
    def free_controls(self) -> tuple[int, ...]:
        """Numbers of controls of the modules of a granular synth, in the order in which they follow the curves."""
        if self.control == "curves":
            return ()
        return tuple(self.adapted_controls.values())

    @property
    def adapters(self) -> tuple[int, ...]:
        """Number of controls of each adapter; a granular synth has none."""
        return tuple(self.adapted_controls.values()) if self.control == "curves" else ()

    def with_vibrato(self: AnySynth, semitones: float) -> AnySynth:
        """The synth with a curve that moves its pitch by up to this much; itself if it has no such option."""
        config: Any = self
        has_option = any(field.name == "vibrato_semitones" for field in fields(config))
        with_option: AnySynth = replace(config, vibrato_semitones=semitones) if has_option else self
        return with_option

    def check(self, audio: AudioConfig) -> None:
        del audio
        if self.control == "granular" and not self.adapted_controls:
            raise ConfigError(
                "synth.control='granular' predicts the controls of learned modules without curves, and this "
                f"{self.kind} synth has no module with several controls; set synth.control='curves'"
            )

    def memory_stages(self, audio: AudioConfig, batch: int) -> Iterator[Stage]:
        """Memory of the parts of the synth for a batch of clips, in the order in which they run.

        By default a few signals per modulation; a synth whose tensors are larger states them.
        """
        samples = float(batch) * audio.n_samples * FLOAT
        n_signals = 4 * len(self.modulations)
        yield Stage(kept=n_signals * samples, forward=n_signals * samples, backward=n_signals * samples, result=samples)

    def n_weights(self) -> float:
        """Number of weights that are trained; by default those of the adapters."""
        return sum(map(adapter_weights, self.adapters), 0.0)

    def constant_bytes(self) -> float:
        """Bytes of constant tensors, and of what making them needs."""
        return 0.0

    def with_wavetable_of(self: AnySynth, data_wavetable: str | None) -> AnySynth:
        """The config with the placeholder 'data' replaced by the wavetable of the data.

        Args:
            data_wavetable: Name or path of the wavetable of the data; None if they have none.

        Raises:
            ConfigError: the config contains the placeholder, and the data have no wavetable.
        """
        del data_wavetable
        return self


def oscillator_stage(audio: AudioConfig, batch: int, *, tables: float = 0.0, weights: float = 0.0) -> Stage:
    """Memory of an oscillator that reads its phase, in double precision, at each sample.

    Args:
        audio: Settings of the clips.
        batch: Number of clips.
        tables: Bytes of the tables of all clips, if it mixes any.
        weights: Bytes of their weights.
    """
    samples = float(batch) * audio.n_samples * FLOAT
    return Stage(
        kept=2 * tables + weights + 4 * samples,
        forward=2 * tables + 2 * samples,
        backward=3 * tables + 2 * weights + 4 * samples,
        result=samples,
    )
