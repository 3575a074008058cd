"""The command line: every command says what it will do before it does it, and each error is one line."""

import contextlib
import functools
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.table import Table

from core.errors import ModstudyError, StudyError

# Heavy libraries are imported inside the commands, so that --help answers at once.

OK, TRIALS_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
PLAIN_WIDTH = 140

P = ParamSpec("P")

app = typer.Typer(
    help="Studies of modulation discovery with differentiable synthesizers.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
    rich_markup_mode="rich",
)
render_app = typer.Typer(help="Make labelled data with a real synth.", no_args_is_help=True)
app.add_typer(render_app, name="render")

console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
errors = Console(stderr=True, soft_wrap=True)

Root = Annotated[str, typer.Option("--root", help="Where studies are kept: a folder, or a URI that pyarrow.fs knows.")]
Name = Annotated[str, typer.Argument(help="Name of a study that was launched.")]
AtOnce = Annotated[int | None, typer.Option(help="Trials that run at once; by default as many as fit.")]
Cpus = Annotated[float | None, typer.Option(help="CPUs, and so threads, of each trial; 1 by default.")]
Gpus = Annotated[float | None, typer.Option(help="GPUs of each trial; a share is possible.")]
TrackingUri = Annotated[
    str | None, typer.Option(help="Where MLflow keeps its runs; sqlite in ROOT/mlflow.db by default.")
]
CodeChange = Annotated[bool, typer.Option("--allow-code-change", help="Go on although the code is another one now.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="A setting for all arms that have it, e.g. trainer.max_steps=50."),
]


def main() -> None:
    """The `modstudy` command."""
    logging.basicConfig(
        level=logging.WARNING, format="%(message)s", handlers=[RichHandler(console=errors, show_path=False)]
    )
    app()


def _reported(command: Callable[P, int | None]) -> Callable[P, None]:
    """Turn this project's errors into one line and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        from study.session import Interrupted

        try:
            code = command(*args, **kwargs) or OK
        except ModstudyError as error:
            errors.print(f"[red]error:[/] {escape(str(error))}", highlight=False)
            code = BAD_INPUT
        except Interrupted as stopped:
            errors.print(escape(str(stopped)), highlight=False)
            code = INTERRUPTED
        except KeyboardInterrupt:
            errors.print("stopped")
            code = INTERRUPTED
        raise typer.Exit(code)

    return wrapped


@app.command()
@_reported
def studies(
    estimate: Annotated[bool, typer.Option(help="Time a few steps of each arm to say how long a study takes.")] = True,
) -> None:
    """List the built-in studies: question, arms, trials, and time on this machine."""
    from search_spaces.study_file import built_in_studies, load_study
    from study.estimates import study_seconds
    from study.progress import duration

    table = Table("study", "question", "arms", "trials")
    if estimate:
        table.add_column("about")
    with console.status("timing a few steps of each arm") if estimate else contextlib.nullcontext():
        for name in built_in_studies():
            study = load_study(name)
            arms = study.named_arms()
            row = [name, study.question, ", ".join(arm.name for arm in arms), str(len(arms) * len(study.seeds))]
            table.add_row(*map(escape, row), *([duration(study_seconds(study))] if estimate else []))
    console.print(table)


@app.command(name="catalog")
@_reported
def show_catalog(
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole catalog as JSON.")] = False,
) -> None:
    """List every part with its settings, ranges, units and presets, and every metric with its direction."""
    from study.catalog import catalog, catalog_tables

    found = catalog()
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    else:
        console.print(catalog_tables(found))


@app.command()
@_reported
def launch(
    study: Annotated[str, typer.Argument(help="A built-in study, or the path of a study's TOML file.")],
    sets: Sets = None,
    name: Annotated[str | None, typer.Option(help="Name of the study's folder; the study's own by default.")] = None,
    root: Root = "runs",
    trials_at_once: AtOnce = None,
    cpus_per_trial: Cpus = None,
    gpus_per_trial: Gpus = None,
    tracking_uri: TrackingUri = None,
    allow_code_change: CodeChange = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, and write and run nothing.")] = False,
) -> int:
    """Plan a study, run what is not done yet, and report. Typed again it resumes, or reports anew."""
    from core.loading import parse_assignment
    from search_spaces.study_file import load_study
    from study.plan import make_plan
    from study.scheduling import allot, this_machine, wants_gpu
    from study.session import Asked, Session

    asked = Asked(
        trials_at_once=trials_at_once,
        cpus_per_trial=cpus_per_trial,
        gpus_per_trial=gpus_per_trial,
        tracking_uri=tracking_uri,
        allow_code_change=allow_code_change,
    )
    entry = load_study(study)
    planned = make_plan(entry, name=name, overrides=[parse_assignment(text) for text in sets or []])
    for remark in planned.remarks:
        console.print(f"[yellow]note:[/] {escape(remark)}", highlight=False)
    session = Session(root=root, name=planned.plan.name, console=console)
    plan = session.check_same(planned.plan)
    _show_notices(plan)
    if dry_run:
        allot(
            this_machine(),
            wants_gpu=wants_gpu(plan),
            trials_at_once=trials_at_once,
            cpus_per_trial=cpus_per_trial,
            gpus_per_trial=gpus_per_trial,
        )
        _show_plan(plan)
        return OK
    return session.run(plan, asked)


@app.command()
@_reported
def resume(
    name: Name,
    root: Root = "runs",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed trials once more.")] = False,
    trials_at_once: AtOnce = None,
    cpus_per_trial: Cpus = None,
    gpus_per_trial: Gpus = None,
    tracking_uri: TrackingUri = None,
    allow_code_change: CodeChange = False,
) -> int:
    """Run what a study planned and has not done, then report."""
    from study.session import Asked, Session

    session = Session(root=root, name=name, console=console)
    asked = Asked(
        trials_at_once=trials_at_once,
        cpus_per_trial=cpus_per_trial,
        gpus_per_trial=gpus_per_trial,
        tracking_uri=tracking_uri,
        allow_code_change=allow_code_change,
        retry_failed=retry_failed,
    )
    return session.run(session.plan(), asked)


@app.command()
@_reported
def status(name: Name, root: Root = "runs") -> None:
    """Show how far a study is, trial by trial."""
    from study.session import Session
    from study.status import status_view

    session = Session(root=root, name=name, console=console)
    console.print(status_view(session.plan(), session.store, session.resume_command))


@app.command()
@_reported
def report(name: Name, root: Root = "runs", tracking_uri: TrackingUri = None) -> int:
    """Write the report of a study anew, and deliver it to MLflow."""
    from study.session import Asked, Session

    session = Session(root=root, name=name, console=console)
    return session.report(session.plan(), Asked(tracking_uri=tracking_uri))


@app.command()
@_reported
def train(
    config: Annotated[Path, typer.Argument(help="A TOML file with one trial's settings.")],
    sets: Sets = None,
    out: Annotated[Path, typer.Option(help="Where the trial is kept.")] = Path("runs/train"),
) -> int:
    """Run one trial here, without Ray and MLflow."""
    from study.single import train_one

    return OK if train_one(config, sets or [], out, console) == "finished" else TRIALS_FAILED


@render_app.command()
@_reported
def vital(
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    n: Annotated[int, typer.Option("--n", min=1, help="Sounds to render.")] = 200,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws patches, notes and LFO shapes.")] = 0,
) -> None:
    """Render patches of the Vital synth, with the drawn LFO shapes as truth (needs the `real` extra)."""
    from core.data.renderers.vital import render_vital

    with console.status(f"rendering {n} sounds"):
        render_vital(out, n=n, seed=seed)
    console.print(f"{n} sounds with their curves: {out}; study them: ", soft_wrap=True, highlight=False, end="")
    console.print(f"modstudy launch vital --set data.folder={out}", soft_wrap=True, highlight=False)


@app.command()
@_reported
def doctor(
    root: Root = "runs",
    ray: Annotated[bool, typer.Option(help="Also start Ray, which takes some seconds.")] = True,
    bench: Annotated[bool, typer.Option("--bench", help="Measure instead how fast training is here.")] = False,
) -> int:
    """Show what this machine has: cores, memory, GPU, disk, versions, extras."""
    from study.doctor import findings
    from study.speed import speeds

    if bench:
        console.print("Milliseconds of one call, forward and backward, one thread; kernels at 48 kHz, 8 clips of 1 s:")
        for speed in speeds():
            line = f"{speed.what:<42} {speed.ours_ms:8.1f} ms"
            if speed.libraries_ms is not None:
                ratio = speed.libraries_ms / speed.ours_ms
                line += f", by library calls {speed.libraries_ms:8.1f} ms: {ratio:.1f} times as long"
            console.print(line, highlight=False, soft_wrap=True)
        return OK
    whole = True
    for what, found, good in findings(Path(root), start_ray=ray):
        whole = whole and good
        mark = "[green]ok[/]  " if good else "[red]lack[/]"
        console.print(f"{mark} {what:<20} {escape(found)}", highlight=False, soft_wrap=True)
    if not whole:
        raise StudyError("this machine lacks something; see the lines marked 'lack'")
    return OK


# ---------------------------------------------------------------------------------------------------------------------


def _show_notices(plan: Any) -> None:
    if plan.data_notices:
        skipped = sum(notice.skipped for notice in plan.data_notices)
        console.print(
            f"[yellow]note:[/] {skipped} sounds are skipped, {len(plan.data_notices) - skipped} have a remark:"
        )
    for notice in plan.data_notices:
        verb = "skipped" if notice.skipped else "taken"
        console.print(f"  {notice.source}: {notice.problem} ({verb})", markup=False, highlight=False, soft_wrap=True)


def _show_plan(plan: Any) -> None:
    table = Table("arm", "seed", "digest", "factors", title=f"{plan.name}: {len(plan.trials)} trials")
    arms = {arm.name: arm for arm in plan.arms}
    for trial in plan.trials:
        factors = ", ".join(f"{path}={value}" for path, value in arms[trial.arm].factors.items())
        table.add_row(escape(trial.arm), str(trial.seed), trial.digest, escape(factors))
    console.print(table)
    console.print("This was a dry run: nothing was written and nothing runs.")


if __name__ == "__main__":
    main()
