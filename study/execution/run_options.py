"""Options of the commands that run trials; the annotations of the fields are the options of the command line."""

from dataclasses import dataclass
from typing import Annotated

import typer

from core.storage.records import Outcome
from search_spaces.study_entries import ResourcesEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options of `launch`, `extend` and `resume`; fields with a `typer.Option` are options of these commands."""

    trials_at_once: Annotated[
        int | None, typer.Option(help="Number of trials that run at once; by default as many as fit.")
    ] = None
    cpus_per_trial: Annotated[float | None, typer.Option(help="CPUs (and threads) of each trial; 1 by default.")] = None
    gpus_per_trial: Annotated[
        float | None, typer.Option(help="GPUs of each trial, or a fraction of one; by default equal shares.")
    ] = None
    memory_per_trial: Annotated[
        float | None, typer.Option(help="GiB of memory that is reserved for each trial; by default none.")
    ] = None
    address: Annotated[
        str | None,
        typer.Option(
            envvar="RAY_ADDRESS",
            help="Address of a Ray cluster (HOST:PORT of its head, or auto), started from one of its nodes; by default "
            "Ray is started on this machine.",
        ),
    ] = None
    wait_for_nodes: Annotated[
        float | None,
        typer.Option(help="Seconds to wait for nodes of the cluster on which --trials-at-once (or one) trials fit."),
    ] = None
    tracking_uri: Annotated[
        str | None,
        typer.Option(help="URI of the MLflow tracking server or database; sqlite in ROOT/mlflow.db by default."),
    ] = None
    allow_code_change: Annotated[
        bool, typer.Option("--allow-code-change", help="Continue although the code has changed since the study began.")
    ] = False
    retry: frozenset[Outcome] = frozenset()
    """Outcomes of trials that are run again."""
    arm_resources: tuple[ResourcesEntry, ...] | None = None
    """Resources of some arms; None for those in the stored study file."""
