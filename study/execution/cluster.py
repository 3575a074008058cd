"""Joins an existing Ray cluster for a block of code: connection, code for its nodes, and what its nodes offer."""

import logging
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from core.errors import StudyError
from study.execution.code_package import write_code
from study.execution.interrupts import handle_interrupts, interrupts
from study.execution.ray_session import ray_environment, variables_of_workers
from study.execution.ray_token import NO_TOKEN_WARNING, token_of_cluster
from study.execution.temporary_folder import temporary_folder
from study.planning.resources import Machine, NoRoomError, Resources

CONNECT_TIMEOUT_S = 5.0
"""Maximum time to reach the head of the cluster."""
TASK_TIMEOUT_S = 300.0
"""Maximum time of a task on a node, which includes copying the code and importing it."""
POLL_S = 1.0
"""Time between two looks at the nodes of a cluster that grows."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of a cluster that can run trials."""

    id: str
    """Identifier that Ray uses."""
    machine: Machine

    @property
    def name(self) -> str:
        """Name for messages."""
        return self.machine.name


@contextmanager
def cluster_session(address: str, threads: int, say: Callable[[str], None] = lambda _: None) -> Iterator[Path]:
    """Join a cluster until the block ends; yields a temporary folder, which is then removed.

    The code of this process reaches the workers on all nodes, together with the environment variables of trials. In the
    block, SIGTERM raises KeyboardInterrupt like Ctrl-C.

    Args:
        address: Address of the head of the cluster as HOST:PORT, or `auto` to find the cluster of this machine.
        threads: Number of threads of each trial.
        say: Called with a warning if anyone can use the cluster.

    Raises:
        StudyError: the cluster cannot be reached, wants another token, or has another version of Ray or Python.
    """
    _check_reachable(address)
    with ray_environment(threads), token_of_cluster(address) as wants_token, temporary_folder() as folder, interrupts():
        if not wants_token:
            say(f"warning: {NO_TOKEN_WARNING}")
        write_code(folder / "code")
        try:
            try:
                ray.init(
                    address=address,
                    runtime_env={
                        "working_dir": str(folder / "code"),
                        "env_vars": variables_of_workers(threads),
                    },
                    logging_level=logging.ERROR,
                    log_to_driver=False,
                )
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                raise StudyError(_unusable(address, error)) from error
            handle_interrupts()  # ray.init has replaced the handler of SIGTERM
            yield folder
        finally:
            ray.shutdown()


def nodes_of_cluster() -> list[Node]:
    """The nodes that are alive and have CPUs, sorted by name."""
    nodes = []
    for entry in ray.nodes():  # type: ignore[no-untyped-call]
        resources = entry["Resources"]
        if entry["Alive"] and resources.get("CPU", 0) > 0:
            names = dict.fromkeys((entry["NodeName"], entry["NodeManagerHostname"]))
            machine = Machine(
                name=f"node {' on '.join(names)}",
                cpus=resources["CPU"],
                gpus=resources.get("GPU", 0),
                memory_gib=resources.get("memory", 0) / 2**30,
            )
            nodes.append(Node(id=entry["NodeID"], machine=machine))
    return sorted(nodes, key=lambda node: (node.name, node.id))


def allocate_on_cluster(
    allocate: Callable[[Sequence[Machine]], Resources], wait_s: float | None, say: Callable[[str], None]
) -> Resources:
    """Allocate resources on the nodes of the cluster; waits for nodes that are started on demand, if asked to.

    Args:
        allocate: Function of the machines, which raises NoRoomError if the trials do not fit on them.
        wait_s: Maximum time to wait for further nodes; None to fail at once.
        say: Called with a sentence before it waits.

    Raises:
        StudyError: the trials do not fit, also after waiting.
    """
    from ray.autoscaler.sdk import request_resources

    deadline = time.monotonic() + (wait_s or 0.0)
    is_waiting = False
    try:
        while True:
            try:
                return allocate([node.machine for node in nodes_of_cluster()])
            except NoRoomError as error:
                if time.monotonic() >= deadline:
                    hint = "give --wait-for-nodes SECONDS if nodes are still starting"
                    raise StudyError(f"{error}; {f'waited {wait_s:g} s' if is_waiting else hint}") from error
                if not is_waiting:
                    say(f"waiting up to {wait_s:g} s for nodes: {error}")
                    # Ray starts nodes for what is requested, where an autoscaler can.
                    request_resources(bundles=[error.wanted] * error.count)
                    is_waiting = True
            time.sleep(POLL_S)
    finally:
        if is_waiting:
            request_resources(bundles=[])


def on_each_node(
    nodes: Sequence[Node], function: Callable[..., Result], *arguments: Any, what: str
) -> dict[str, Result]:
    """Call a function once on each node, at the same time, and return the results by id of the node.

    Args:
        nodes: The nodes.
        function: The function, which takes no CPU as far as Ray counts.
        arguments: Its arguments; references to objects in Ray's store are replaced by the objects.
        what: What the function does, for messages, such as "reading the root".

    Raises:
        StudyError: a call raised an error, took too long, or its node died.
    """
    task = ray.remote(function)
    references = {
        node: task.options(
            num_cpus=0, max_retries=1, scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)
        ).remote(*arguments)
        for node in nodes
    }
    results: dict[str, Result] = {}
    for node, reference in references.items():
        try:
            results[node.id] = ray.get(reference, timeout=TASK_TIMEOUT_S)
        except ray.exceptions.RayTaskError as error:
            raise StudyError(f"{node.name}: {what} failed: {error.cause}") from error
        except (ray.exceptions.RayError, ray.exceptions.GetTimeoutError) as error:
            raise StudyError(
                f"{node.name}: {what} failed: {_last_line(error)}; look at the logs of Ray on that node, or remove it "
                "from the cluster"
            ) from error
    return results


def _check_reachable(address: str) -> None:
    """Check that something listens at the address of the head.

    Raises:
        StudyError: the address is invalid, or nothing answers.
    """
    if address == "auto":
        return
    if address.startswith("ray://"):
        raise StudyError(
            f"--address is HOST:PORT of the head of a Ray cluster, or auto; Ray Client ({address}) cannot run studies; "
            "start modstudy on a node of the cluster, with --address auto"
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise StudyError(f"--address is HOST:PORT of the head of a Ray cluster, such as 10.0.0.1:6379; got {address!r}")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S) as connection:
            if not _speaks_http2(connection):
                raise StudyError(_unusable(address, ConnectionError("what listens there is not Ray")))
    except (OSError, OverflowError) as error:
        raise StudyError(_unusable(address, error)) from error


def _speaks_http2(connection: socket.socket) -> bool:
    """Whether the other side answers as a server of HTTP/2 (RFC 9113), which the head is; Ray itself would wait long.

    Raises:
        OSError: the connection is closed, or no answer comes in time.
    """
    settings_type, frame_header_bytes = 4, 9
    empty_settings = bytes((0, 0, 0, settings_type, 0, 0, 0, 0, 0))
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + empty_settings)
    answer = b""
    while len(answer) < frame_header_bytes and (received := connection.recv(frame_header_bytes - len(answer))):
        answer += received
    return len(answer) == frame_header_bytes and answer[3] == settings_type


def _unusable(address: str, error: Exception) -> str:
    """Message about a cluster that cannot be joined."""
    return (
        f"the Ray cluster at {address} cannot be joined: {_last_line(error)}; check --address and RAY_ADDRESS, that "
        "its head runs (ray status), and that this machine is one of its nodes"
    )


def _last_line(error: BaseException) -> str:
    """The last line of the message of an error that is not empty; its type if there is none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
