"""Options of the commands that run trials; the annotations of the fields are the options of the command line."""

from dataclasses import dataclass
from typing import Annotated

import typer

from core.storage.records import Outcome
from search_spaces.study_entries import ResourcesEntry

AtOnce = Annotated[int | None, typer.Option(help="Number of trials that run at once; by default as many as fit.")]
Cpus = Annotated[float | None, typer.Option(help="CPUs (and threads) of each trial; 1 by default.")]
Gpus = Annotated[
    float | None,
    typer.Option(help="GPUs of each trial, or a fraction of one; by default equal shares if it needs one."),
]
Memory = Annotated[float | None, typer.Option(help="GiB of memory that is reserved for each trial; by default none.")]
Address = Annotated[
    str | None,
    typer.Option(
        envvar="RAY_ADDRESS",
        help="Address of a Ray cluster (HOST:PORT of its head, or auto), given on one of its nodes; by default Ray is "
        "started on this machine.",
    ),
]
WaitForNodes = Annotated[
    float | None,
    typer.Option(help="Seconds to wait for nodes of the cluster on which --trials-at-once (or one) trials fit."),
]
TrackingUri = Annotated[
    str | None, typer.Option(help="URI of the MLflow tracking server or database; sqlite in ROOT/mlflow.db by default.")
]
CodeChange = Annotated[
    bool, typer.Option("--allow-code-change", help="Continue although the code has changed since the study began.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options of the commands that run trials; those with a `typer.Option` are on the command line of all of them."""

    trials_at_once: AtOnce = None
    cpus_per_trial: Cpus = None
    gpus_per_trial: Gpus = None
    memory_per_trial: Memory = None
    address: Address = None
    wait_for_nodes: WaitForNodes = None
    tracking_uri: TrackingUri = None
    allow_code_change: CodeChange = False
    retry: frozenset[Outcome] = frozenset()
    """Outcomes of trials that are run again."""
    arm_resources: tuple[ResourcesEntry, ...] | None = None
    """Resources of some arms; None for those in the stored study file."""
