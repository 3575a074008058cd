"""Options of the commands that run trials; the annotations of the fields are the options of the command line."""

from dataclasses import dataclass
from typing import Annotated

import typer

from core.errors import StudyError
from core.settings.value_rules import shown_value
from core.storage.records import Outcome
from search_spaces.resources_entry import ResourcesEntry

AtOnce = Annotated[int | None, typer.Option(help="Number of trials that run at once; by default as many as fit.")]
Cpus = Annotated[float | None, typer.Option(help="CPUs (and threads) of each trial; 1 by default.")]
Gpus = Annotated[
    float | None,
    typer.Option(help="GPUs of each trial, or a fraction of one; by default equal shares if it needs one."),
]
Memory = Annotated[
    float | None,
    typer.Option(help="GiB of memory that is reserved for each trial; by default an estimate limits their number."),
]
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
TrialTimeout = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Time after which a trial ends as timed out; no limit by default."),
]
MaxHours = Annotated[float | None, typer.Option(help="Hours after which no further trial starts; no limit by default.")]
MaxTrials = Annotated[
    int | None, typer.Option(help="Number of trials after which no further one starts; no limit by default.")
]
TrackingUri = Annotated[
    str | None, typer.Option(help="URI of the MLflow tracking server or database; sqlite in ROOT/mlflow.db by default.")
]
CodeChange = Annotated[
    bool, typer.Option("--allow-code-change", help="Continue although the code has changed since the study began.")
]

Verify = Annotated[
    bool,
    typer.Option(
        "--verify",
        help="Before the study goes on, read and verify all its files also where the root is remote; of these, only "
        "sizes are compared by default.",
    ),
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
    trial_timeout: TrialTimeout = None
    max_hours: MaxHours = None
    max_trials: MaxTrials = None
    tracking_uri: TrackingUri = None
    allow_code_change: CodeChange = False
    verify: Verify = False
    retry: frozenset[Outcome] = frozenset()
    """Outcomes of trials that are run again."""
    arm_resources: tuple[ResourcesEntry, ...] | None = None
    """Resources of some arms; None for those in the stored study file."""

    def __post_init__(self) -> None:
        for option, value, most in (
            ("--trials-at-once", self.trials_at_once, 100_000),
            ("--cpus-per-trial", self.cpus_per_trial, 10_000),
            ("--gpus-per-trial", self.gpus_per_trial, 10_000),
            ("--memory-per-trial", self.memory_per_trial, 1_000_000),
            ("--wait-for-nodes", self.wait_for_nodes, 10_000_000),
            ("--trial-timeout", self.trial_timeout, 1_000_000_000),
            ("--max-hours", self.max_hours, 1_000_000),
            ("--max-trials", self.max_trials, 1_000_000_000),
        ):
            # Not a number is not below anything.
            if value is not None and not abs(value) <= most:
                raise StudyError(
                    f"{option} is a number up to {most:,}; got {shown_value(value)}; give one, or leave it out"
                )
        if self.wait_for_nodes is not None and self.wait_for_nodes < 0:
            raise StudyError(f"--wait-for-nodes must be 0 seconds or more; got {self.wait_for_nodes:g}")
        if self.trial_timeout is not None and not self.trial_timeout > 0:
            raise StudyError(f"--trial-timeout must be above 0 seconds; got {self.trial_timeout:g}")
        if self.max_hours is not None and not self.max_hours > 0:
            raise StudyError(f"--max-hours must be above 0; got {self.max_hours:g}")
        if self.max_trials is not None and self.max_trials < 1:
            raise StudyError(f"--max-trials must be 1 or more; got {self.max_trials}")
