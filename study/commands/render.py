"""`modstudy render`: renders labelled data with a real synth."""

from pathlib import Path
from typing import Annotated

import typer

from study.commands.options import console, report_errors

render_app = typer.Typer(help="Render labelled data with a real synth.", no_args_is_help=True)
"""Typer app of `modstudy render`."""


@render_app.callback()
def _render_group() -> None:
    """Commands of `modstudy render`, one per synth."""


@render_app.command()
@report_errors
def vital(
    out: Annotated[Path, typer.Argument(help="Folder that is created.")],
    n: Annotated[int, typer.Option("--n", min=1, max=1_000_000, help="Number of sounds.")] = 200,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of patches, notes and LFO shapes.")
    ] = 0,
    lfos: Annotated[
        Path | None, typer.Option("--lfos", help="Folder of .vitallfo files: LFO shapes instead of random ones.")
    ] = None,
) -> None:
    """Render patches of the Vital synth, with random or given LFO shapes as true curves (needs the `real` extra)."""
    from core.data.renderers.vital import render_vital

    with console.status(f"rendering {n} sounds"):
        render_vital(out, n=n, seed=seed, lfos=lfos)
    console.print(f"{n} sounds with their curves: {out}; study them: ", soft_wrap=True, highlight=False, end="")
    console.print(f"modstudy launch vital --set data.folder={out}", soft_wrap=True, highlight=False)
