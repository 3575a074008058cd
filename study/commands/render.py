"""`modstudy render`: renders labelled data with a real synth."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from study.commands.options import console, report_errors

render_app = typer.Typer(help="Render labelled data with a real synth.", no_args_is_help=True)
"""Typer app of `modstudy render`."""

Out = Annotated[Path, typer.Argument(help="Folder that is created.")]
Number = Annotated[int, typer.Option("--n", min=1, max=1_000_000, help="Number of sounds.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of patches, notes and LFOs.")]
Rates = Annotated[
    str, typer.Option("--rates", metavar="LOW:HIGH", help="With --lfo, the lowest and the highest rate in Hz.")
]
Duration = Annotated[float | None, typer.Option("--duration", min=0.1, max=30.0, help="Length of the sounds in s.")]


@render_app.callback()
def _render_group() -> None:
    """Commands of `modstudy render`, one per synth."""


@render_app.command()
@report_errors
def vital(
    out: Out,
    n: Number = 200,
    seed: Seed = 0,
    lfos: Annotated[
        Path | None, typer.Option("--lfos", help="Folder of .vitallfo files: LFO shapes instead of random ones.")
    ] = None,
    lfo: Annotated[
        Literal["tremolo", "filter", "vibrato", "position"] | None,
        typer.Option("--lfo", help="Instead of shapes as true curves, one LFO of a declared rate moves this."),
    ] = None,
    rates: Rates = "2:8",
    duration: Duration = None,
) -> None:
    """Render patches of the Vital synth, with true curves or with LFOs of declared rates (needs the `real` extra).

    Sounds last 1 s with shapes and 3 s with declared rates, unless --duration says otherwise.
    """
    from core.data.renderers.vital import render_vital
    from core.data.renderers.vital_rates import render_vital_rates
    from core.errors import ConfigError

    if lfo is None:
        with console.status(f"rendering {n} sounds"):
            render_vital(out, n=n, seed=seed, lfos=lfos, duration_s=duration or 1.0)
        _print_done(f"{n} sounds with their curves: {out}", f"modstudy launch vital --set data.folder={out}")
        return
    if lfos is not None:
        raise ConfigError("--lfos are shapes played once, and --lfo is periodic; give one of them")
    with console.status(f"rendering {n} sounds"):
        render_vital_rates(out, n=n, seed=seed, target=lfo, rates_hz=_range(rates), duration_s=duration or 3.0)
    _print_done(f"{n} sounds with LFO rates: {out}", f"modstudy launch own_sounds --set data.folder={out}")


@render_app.command()
@report_errors
def soundfont(
    out: Out,
    n: Number = 200,
    seed: Seed = 0,
    soundfont: Annotated[
        Path | None, typer.Option("--soundfont", help="SoundFont file; that of the Debian packages by default.")
    ] = None,
    programs: Annotated[
        str, typer.Option("--programs", metavar="LIST", help="General MIDI programs from 0, such as 16-23,73.")
    ] = "",
    lfo: Annotated[
        Literal["tremolo", "filter", "vibrato"] | None,
        typer.Option("--lfo", help="What an LFO of a declared rate moves; nothing by default."),
    ] = None,
    rates: Rates = "2:8",
    duration: Duration = None,
) -> None:
    """Render notes of a SoundFont with known pitch through FluidSynth (needs the `real` extra and FluidSynth)."""
    from core.data.renderers.soundfont import render_soundfont

    with console.status(f"rendering {n} sounds"):
        render_soundfont(
            out,
            n=n,
            seed=seed,
            soundfont=soundfont,
            programs=_numbers(programs),
            target=lfo,
            rates_hz=_range(rates),
            duration_s=duration or 3.0,
        )
    _print_done(f"{n} sounds of known pitch: {out}", f"modstudy launch own_sounds --set data.folder={out}")


def _print_done(what: str, command: str) -> None:
    """Print what was rendered and the command that studies it."""
    console.print(f"{what}; study them: {command}", soft_wrap=True, highlight=False)


def _range(text: str) -> tuple[float, float]:
    """The two numbers of LOW:HIGH.

    Raises:
        ConfigError: the text is something else.
    """
    from core.errors import ConfigError
    from core.settings.value_rules import shown_text

    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError as error:
        raise ConfigError(f"--rates are two numbers with a colon, such as 2:8; got {shown_text(text)}") from error
    return low, high


def _numbers(text: str) -> list[int]:
    """The numbers of a list such as 16-23,73.

    Raises:
        ConfigError: the text is something else, or a number is not a program.
    """
    from core.errors import ConfigError
    from core.settings.value_rules import shown_text

    numbers: list[int] = []
    try:
        for part in filter(None, text.split(",")):
            first, _, last = part.partition("-")
            low, high = int(first), int(last or first)
            if not 0 <= low <= high <= 127:
                raise ValueError(f"{part} is no range of programs")
            numbers += range(low, high + 1)
    except ValueError as error:
        raise ConfigError(
            f"--programs are numbers from 0 to 127 and ranges of them, such as 16-23,73; got {shown_text(text)}"
        ) from error
    return numbers
