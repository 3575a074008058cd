"""What modules of a synth do: aliasing of known sounds, decays of known filters, branches that are silent."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from core.seeding import initialise
from core.synths.build import build_synth
from core.synths.diagnostics import Measure, decay_s, diagnose, inharmonic_share
from core.synths.engel import Engel, EngelControls
from core.synths.filters import LearnedFilter
from core.synths.mod_synth import ModSynth
from core.synths.note import Note
from tests.support.configs import configured

RATE = 16_000
SECOND = torch.arange(RATE, dtype=torch.float64) / RATE
PITCHES = torch.tensor([110.3, 220.7, 441.9])


def note_of(f0_hz: Tensor, *, with_noise: bool = False) -> Note:
    n = len(f0_hz)
    noise = 2 * torch.rand(n, RATE, generator=torch.Generator().manual_seed(0)) - 1 if with_noise else None
    return Note(f0_hz=f0_hz, q=torch.zeros(n), phase=torch.zeros(n), noise=noise)


def naive_sawtooth(f0_hz: float) -> Tensor:
    """Samples of a sawtooth with all its harmonics, k with power 1 / k^2, those above Nyquist too."""
    return 2 * ((f0_hz * SECOND) % 1.0)[None] - 1


def measured(found: tuple[Measure, ...], kind: str) -> dict[str, float]:
    return {measure.module: measure.value for measure in found if measure.kind == kind}


class TestAliasing:
    def test_a_band_limited_sawtooth_has_none(self) -> None:
        harmonics = torch.arange(1, 18)[:, None]
        sawtooth = (torch.sin(2 * math.pi * 441.9 * harmonics * SECOND) / harmonics).sum(0)[None]
        assert float(inharmonic_share(sawtooth, torch.tensor([441.9]), RATE)) < 1e-8

    @pytest.mark.parametrize("f0_hz", [110.3, 441.9, 1234.5])
    def test_a_sampled_sawtooth_has_the_power_of_its_harmonics_above_nyquist(self, f0_hz: float) -> None:
        n_below = int(RATE / 2 / f0_hz)
        above = 1 - sum(1 / k**2 for k in range(1, n_below + 1)) * 6 / math.pi**2
        share = float(inharmonic_share(naive_sawtooth(f0_hz), torch.tensor([f0_hz]), RATE))
        # Folded harmonics that fall on the main lobes of others are not seen.
        hidden = 11 / f0_hz
        assert above * (1 - 2.5 * hidden) < share < above * 1.02

    def test_white_noise_is_inharmonic_but_for_the_bins_of_the_harmonics(self) -> None:
        noise = torch.rand(1, RATE, generator=torch.Generator().manual_seed(1)) - 0.5
        assert float(inharmonic_share(noise, torch.tensor([441.9]), RATE)) == pytest.approx(1 - 11 / 441.9, abs=0.02)

    def test_silence_and_clips_too_short_for_their_pitch_are_undefined(self) -> None:
        assert inharmonic_share(torch.zeros(1, RATE), torch.tensor([441.9]), RATE).isnan().all()
        short = naive_sawtooth(110.3)[:, : RATE // 8]
        assert inharmonic_share(short, torch.tensor([110.3]), RATE).isnan().all()

    def test_it_does_not_depend_on_the_level_or_the_batch(self) -> None:
        audio = torch.cat([naive_sawtooth(f0) for f0 in PITCHES.tolist()])
        share = inharmonic_share(audio, PITCHES, RATE)
        torch.testing.assert_close(inharmonic_share(0.01 * audio, PITCHES, RATE), share)
        torch.testing.assert_close(inharmonic_share(audio[1:2], PITCHES[1:2], RATE), share[1:2])

    def test_a_coarse_table_has_the_power_of_its_images_above_nyquist(self) -> None:
        # Read in straight lines, harmonic h of a table of n samples has images h + m n with powers sinc(h / n + m)^4.
        table = torch.sin(2 * math.pi * 4 * torch.arange(16) / 16)
        column = PITCHES[:, None].double() * SECOND % 1.0 * 16
        left = column.floor().long() % 16
        audio = torch.lerp(table[left], table[(left + 1) % 16], (column % 1.0).float())
        powers = {
            abs(4 + 16 * m): (math.sin(math.pi * x) / (math.pi * x)) ** 4 for m in range(-40, 41) if (x := m + 0.25)
        }
        expected = [
            sum(power for image, power in powers.items() if image * f0 > RATE / 2) / sum(powers.values())
            for f0 in PITCHES.tolist()
        ]
        share = inharmonic_share(audio, PITCHES, RATE)
        torch.testing.assert_close(share, torch.tensor(expected), rtol=0.12, atol=0)

    def test_a_synth_is_measured_with_curves_held_whatever_they_do(self) -> None:
        moving = 0.5 + 0.4 * torch.sin(2 * math.pi * 5 * torch.linspace(0, 1, 129)).expand(3, 3, -1)
        config = configured("synth.oscillator.wavetable=sine_to_saw")
        synth = build_synth(config.synth, config.audio)
        (only,) = diagnose(synth, moving, note_of(PITCHES), RATE)
        assert only.kind == "aliasing_db"
        assert only.value < -60, "a built-in table has 1,024 samples and no harmonics above Nyquist"

    @pytest.mark.parametrize(
        "synth",
        [
            ("synth.oscillator.wavetable=sine_to_saw", "synth.vibrato_semitones=2.0"),
            ("synth.kind=shan",),
            ("synth.kind=subtractive",),
            ("synth.kind=fm", "synth.ratio=2.0"),
        ],
        ids=lambda assignments: assignments[-1],
    )
    def test_synths_without_noise_are_harmonic_at_the_pitch_of_the_note(self, synth: tuple[str, ...]) -> None:
        config = configured(*synth)
        built = build_synth(config.synth, config.audio)
        initialise(built, 0)
        curves = torch.full((3, len(config.synth.modulations), 129), 0.8)
        levels = measured(diagnose(built, curves, note_of(PITCHES), RATE), "aliasing_db")
        assert levels["sound"] < -60

    def test_fm_at_a_ratio_that_is_no_whole_number_is_not_harmonic(self) -> None:
        config = configured("synth.kind=fm", "synth.ratio=1.5")
        curves = torch.full((3, 3, 129), 0.8)
        assert not measured(
            diagnose(build_synth(config.synth, config.audio), curves, note_of(PITCHES), RATE), "aliasing_db"
        )


class TestRinging:
    @pytest.mark.parametrize("radius", [0.9, 0.99, 0.999])
    def test_the_decay_of_an_exponential_is_three_decades(self, radius: float) -> None:
        response = (radius ** torch.arange(RATE, dtype=torch.float64))[None]
        expected = math.log(1e-3) / math.log(radius) / RATE
        assert float(decay_s(response, RATE)) == pytest.approx(expected, abs=2 / RATE)

    def test_what_grows_rings_to_the_end_and_silence_does_not_ring(self) -> None:
        growing = (1.001 ** torch.arange(RATE, dtype=torch.float64))[None]
        assert float(decay_s(growing, RATE)) == 1.0
        assert float(decay_s(torch.full((1, RATE), torch.nan), RATE)) == 1.0
        assert float(decay_s(torch.zeros(1, RATE), RATE)) == 0

    @pytest.mark.parametrize(("logit", "expected"), [(0.0, 1 / 16_000), (5.0, 0.413)])
    def test_a_learned_filter_rings_as_its_poles_do(self, logit: float, expected: float) -> None:
        synth = grey_box()
        assert synth.sub_adapter is not None
        logits = torch.tensor([0.0, logit, 1.0, 0.0, 0.0])
        synth.sub_adapter = Constant(logits)  # type: ignore[assignment]
        ringing = measured(diagnose(synth, torch.rand(3, 3, 129), note_of(PITCHES), RATE), "ringing_s")
        # The ladder keeps a margin of its own: a pole radius of 0.999 sqrt(tanh 5) decays by 60 dB in 0.41 s.
        assert ringing["filter"] == pytest.approx(expected, abs=0.02 * expected + 2 / RATE)

    def test_the_hooks_are_gone_afterwards(self) -> None:
        synth = grey_box()
        diagnose(synth, torch.rand(3, 3, 129), note_of(PITCHES), RATE)
        assert not synth.filter._forward_pre_hooks


class Constant(torch.nn.Module):
    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, curve: Tensor) -> Tensor:
        return self.logits.expand(*curve.shape, -1)


def grey_box() -> ModSynth:
    config = configured("synth.oscillator.kind=learnable", "synth.filter.kind=learned")
    synth = build_synth(config.synth, config.audio)
    assert isinstance(synth, ModSynth)
    assert isinstance(synth.filter, LearnedFilter)
    return synth


class Quiet(Engel):
    """Plays its noise 120 dB quieter."""

    def controls(
        self, modulation: Tensor, curriculum: float = 0.0, generator: torch.Generator | None = None
    ) -> EngelControls:
        controls = super().controls(modulation, curriculum, generator)
        return replace(controls, noise_magnitudes=1e-6 * controls.noise_magnitudes)


def test_a_branch_without_energy_is_silent() -> None:
    config = configured("synth.kind=engel")
    synth = build_synth(config.synth, config.audio)
    note, curves = note_of(PITCHES, with_noise=True), torch.full((3, 3, 129), 0.5)
    levels = measured(diagnose(synth, curves, note, RATE), "level_db")
    assert levels["harmonics"] == pytest.approx(0, abs=1e-3)
    assert levels["noise"] < 0, "training starts with little noise"
    synth.__class__ = Quiet
    quiet = measured(diagnose(synth, curves, note, RATE), "level_db")
    assert quiet["noise"] == pytest.approx(levels["noise"] - 120, abs=0.01)
