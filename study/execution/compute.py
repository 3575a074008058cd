"""Where the trials of a study run: on Ray started on this machine, or on an existing Ray cluster."""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import StudyError
from core.storage.records import PlannedTrial, StudyPlan
from core.storage.store import Store
from study.execution.run_options import RunOptions
from study.planning.memory import memory_needs
from study.planning.resources import Resources, allocate, needs_gpu, overrides_of, this_machine

if TYPE_CHECKING:
    from study.execution.preparation import Preparation
    from study.execution.ray_watch import ClusterWatch

_log = logging.getLogger(__name__)


class Compute(ABC):
    """Machines on which trials run."""

    def __init__(self, stack: ExitStack, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._say = say
        self._said: set[str] = set()

    @abstractmethod
    def allocate(self, plan: StudyPlan, options: RunOptions, *, has_trials: bool) -> Resources:
        """Resources of the trials of a plan.

        Args:
            plan: The plan.
            options: Options of the command.
            has_trials: Whether any trial is left to run.

        Raises:
            StudyError: the trials do not fit on the machines.
        """

    @abstractmethod
    def check(self, root: str, store: Store, plan: StudyPlan, trials: Sequence[PlannedTrial]) -> None:
        """Check that all machines can run the trials, before the plan is written.

        Args:
            root: Root of all studies.
            store: Store of the study.
            plan: The plan.
            trials: The trials that are left to run.

        Raises:
            StoreError, StudyError: they cannot.
        """

    @abstractmethod
    def start(self, resources: Resources) -> Path:
        """Start Ray if it does not run, and return a folder for temporary files."""

    @abstractmethod
    def death(self) -> str | None:
        """What of Ray has died, so that no trial can go on, as the end of a sentence; None while all is well."""

    def _noted(self, resources: Resources) -> Resources:
        """The resources, after their notes have been said, each once."""
        for note in resources.notes:
            if note not in self._said:
                self._say(f"note: {note}")
                self._said.add(note)
        return resources

    def stop(self) -> None:
        """End all workers: Ray is shut down, or the cluster left."""
        self._stack.close()

    @abstractmethod
    def prepare(self, plan: StudyPlan, trials: Sequence[PlannedTrial], trials_at_once: int) -> None:
        """Fill the caches of the machines with the data and kernels of the trials."""


@contextmanager
def compute_for(options: RunOptions, say: Callable[[str], None]) -> Iterator[Compute]:
    """The machines that the options name; Ray is shut down, or the cluster left, when the block ends.

    Args:
        options: Options of the command.
        say: Called with a sentence about what is being waited for, about the resources, or what is not safe.

    Raises:
        StudyError: the cluster cannot be joined, or an option is for clusters only.
    """
    with ExitStack() as stack:
        if options.address is None:
            if options.wait_for_nodes is not None:
                raise StudyError("--wait-for-nodes is for a cluster: give its --address, or leave it out")
            yield _ThisMachine(stack, say)
            return
        from study.execution.cluster import cluster_session

        threads = max(1, int(options.cpus_per_trial or 1))
        folder = stack.enter_context(cluster_session(options.address, threads, say))
        yield _Cluster(stack, folder, say)


def allocation_for(plan: StudyPlan, options: RunOptions, *, has_trials: bool = True) -> "partial[Resources]":
    """`allocate` with everything but the machines."""
    return partial(
        allocate,
        needs_gpu=needs_gpu(plan) and has_trials,
        trials_at_once=options.trials_at_once,
        cpus_per_trial=options.cpus_per_trial,
        gpus_per_trial=options.gpus_per_trial,
        memory_per_trial=options.memory_per_trial,
        arms=[arm.name for arm in plan.arms],
        overrides=overrides_of(plan) if options.arm_resources is None else options.arm_resources,
        # A search has no trials before its first round.
        needs=memory_needs(plan) if has_trials or not plan.trials else None,
    )


def resources_here(plan: StudyPlan, options: RunOptions) -> Resources:
    """Resources of the trials of a plan on this machine, of which nothing is said.

    Raises:
        StudyError: they do not fit.
    """
    return allocation_for(plan, options)([this_machine()])


class _ThisMachine(Compute):
    """Ray on this machine, started when the first trial is about to run."""

    def __init__(self, stack: ExitStack, say: Callable[[str], None]) -> None:
        super().__init__(stack, say)
        self._machine = this_machine()
        self._folder: Path | None = None
        self._preparation: Preparation | None = None

    def allocate(self, plan: StudyPlan, options: RunOptions, *, has_trials: bool) -> Resources:
        return self._noted(allocation_for(plan, options, has_trials=has_trials)([self._machine]))

    def check(self, root: str, store: Store, plan: StudyPlan, trials: Sequence[PlannedTrial]) -> None:
        """Nothing: the machine that made the plan has the packages, the root and the data."""

    def start(self, resources: Resources) -> Path:
        from study.execution.ray_session import ray_session
        from study.execution.warm_workers import preloaded_workers

        if self._folder is None:
            self._stack.enter_context(preloaded_workers(self._machine, resources))
            self._folder = self._stack.enter_context(ray_session(self._machine, resources.default.threads))
        return self._folder

    def death(self) -> str | None:
        from study.execution.ray_watch import death_on_this_machine

        return death_on_this_machine()

    def prepare(self, plan: StudyPlan, trials: Sequence[PlannedTrial], trials_at_once: int) -> None:
        from study.execution.preparation import Preparation

        self._preparation = self._preparation or Preparation()
        self._preparation(plan, trials, trials_at_once)


class _Cluster(Compute):
    """An existing Ray cluster, which this process has joined."""

    def __init__(self, stack: ExitStack, folder: Path, say: Callable[[str], None]) -> None:
        super().__init__(stack, say)
        self._folder = folder
        self._store: Store | None = None
        self._checked: set[str] = set()
        """Contents that are on all nodes, as JSON of the settings that name them."""
        self._watch: ClusterWatch | None = None

    def allocate(self, plan: StudyPlan, options: RunOptions, *, has_trials: bool) -> Resources:
        from study.execution.cluster import allocate_on_cluster

        allocation = allocation_for(plan, options, has_trials=has_trials)
        return self._noted(allocate_on_cluster(allocation, options.wait_for_nodes, self._say))

    def check(self, root: str, store: Store, plan: StudyPlan, trials: Sequence[PlannedTrial]) -> None:
        from study.execution.cluster import nodes_of_cluster
        from study.execution.node_checks import check_packages, check_root

        self._store = store
        while True:
            nodes = nodes_of_cluster()
            try:
                check_packages(nodes)
                check_root(root, nodes)
                self._check_data(plan, trials)
                return
            except StudyError:
                # A node that died in the meantime is not needed; the others are checked again.
                if {node.id for node in nodes} <= {node.id for node in nodes_of_cluster()}:
                    raise

    def start(self, resources: Resources) -> Path:  # noqa: ARG002  (the workers were told when the cluster was joined)
        return self._folder

    def death(self) -> str | None:
        from study.execution.ray_watch import watch_of_cluster

        self._watch = self._watch or watch_of_cluster()
        return self._watch.death()

    def prepare(self, plan: StudyPlan, trials: Sequence[PlannedTrial], trials_at_once: int) -> None:
        """Fill the caches of all nodes; a node that joins later does so with its first trial."""
        from study.execution.cluster import nodes_of_cluster, on_each_node
        from study.execution.preparation import distinct_data, distinct_kernels, prepare_node

        self._check_data(plan, trials)  # a search may have proposed other data than the first trials have
        data = list(distinct_data(plan, trials[:trials_at_once]).values())
        kernels = distinct_kernels(plan, trials)
        nodes = nodes_of_cluster()
        try:
            found = on_each_node(nodes, prepare_node, data, kernels, what="preparing data and kernels")
        except StudyError as error:  # such as a node that died: its trials run elsewhere
            _log.warning("%s", error)
            return
        for node in nodes:
            for problem in found[node.id]:
                _log.warning("%s: not prepared: %s", node.name, problem)

    def _check_data(self, plan: StudyPlan, trials: Sequence[PlannedTrial]) -> None:
        """Check that all nodes have the data of trials, unless that was done before."""
        from study.execution.cluster import nodes_of_cluster
        from study.execution.node_checks import check_data

        configs = {key: config for key, config in _contents(plan, trials).items() if key not in self._checked}
        if configs and self._store is not None:
            check_data(self._store, list(configs.values()), nodes_of_cluster(), self._say)
            self._checked |= configs.keys()


def _contents(plan: StudyPlan, trials: Sequence[PlannedTrial]) -> dict[str, dict[str, Any]]:
    """Nested settings of one trial for each combination of data and synth, which name files on the nodes."""
    configs = {trial.arm: plan.config_of(trial) for trial in trials}
    return {json.dumps([config[part] for part in ("data", "audio", "synth")]): config for config in configs.values()}
