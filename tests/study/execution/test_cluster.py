"""A cluster is joined or refused within seconds, and waited for on request."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from core.errors import StudyError
from study.execution import cluster
from study.execution.cluster import Node, allocate_on_cluster, cluster_session, nodes_of_cluster
from study.execution.compute import compute_for
from study.execution.run_options import RunOptions
from study.planning.resources import Machine, allocate


@pytest.fixture
def web_server() -> Iterator[str]:
    """Address of a server that answers every request with an error of HTTP/1."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(100)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    yield f"127.0.0.1:{server.getsockname()[1]}"
    thread.join()
    server.close()


def refusal(address: str) -> str:
    started = time.monotonic()
    with pytest.raises(StudyError) as raised, cluster_session(address, 1):
        pass
    assert time.monotonic() - started < 10
    return str(raised.value)


def test_nothing_at_the_address_is_one_error() -> None:
    assert "the Ray cluster at 127.0.0.1:1 cannot be joined: [Errno 111] Connection refused; " in refusal("127.0.0.1:1")


def test_something_else_at_the_address_is_one_error(web_server: str) -> None:
    assert f"the Ray cluster at {web_server} cannot be joined: what listens there is not Ray" in refusal(web_server)


@pytest.mark.parametrize("address", ["head", "head:", ":6379x", "head:port"])
def test_an_address_is_host_and_port(address: str) -> None:
    assert f"such as 10.0.0.1:6379; got '{address}'" in refusal(address)


def test_ray_client_is_refused_with_another_way() -> None:
    assert "start modstudy on a node of the cluster, with --address auto" in refusal("ray://head:10001")


def test_waiting_for_nodes_is_for_clusters() -> None:
    with (
        pytest.raises(StudyError, match="--wait-for-nodes is for a cluster: give its --address"),
        compute_for(RunOptions(wait_for_nodes=3.0), print),
    ):
        pass


def test_nodes_without_cpus_and_dead_ones_run_no_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry(name: str, *, alive: bool = True, **resources: float) -> dict[str, Any]:
        return {
            "NodeID": f"id of {name}", "Alive": alive, "NodeName": name, "NodeManagerHostname": "host",
            "Resources": resources,
        }  # fmt: skip

    entries = [entry("head", GPU=1.0), entry("dead", alive=False), entry("b", CPU=8.0, GPU=2.0, memory=2.0**33)]
    monkeypatch.setattr("ray.nodes", lambda: [*entries, entry("host", CPU=1.0, memory=2.0**30)])
    assert nodes_of_cluster() == [
        Node(id="id of b", machine=Machine(name="node b on host", cpus=8, gpus=2, memory_gib=8)),
        Node(id="id of host", machine=Machine(name="node host", cpus=1, gpus=0, memory_gib=1)),
    ]


class Growing:
    """A cluster that gets a node with each look at it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[list[dict[str, float]]] = []
        self.looks = 0
        self.said: list[str] = []
        monkeypatch.setattr(cluster, "POLL_S", 0.01)
        monkeypatch.setattr(cluster, "nodes_of_cluster", self.nodes)
        monkeypatch.setattr("ray.autoscaler.sdk.request_resources", lambda bundles: self.requests.append(bundles))

    def nodes(self) -> list[Node]:
        self.looks += 1
        return [Node(id=str(i), machine=Machine(name=f"n{i}", cpus=1, gpus=0)) for i in range(self.looks)]

    def allocate(self, wait_s: float | None) -> int:
        def fit(machines: Any) -> Any:
            return allocate(machines, needs_gpu=False, trials_at_once=3)

        return allocate_on_cluster(fit, wait_s, self.said.append).trials_at_once


def test_nodes_that_start_on_demand_are_requested_and_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    growing = Growing(monkeypatch)
    assert growing.allocate(60.0) == 3
    assert growing.looks == 3
    assert growing.requests == [3 * [{"CPU": 1.0}], []], "the request is taken back"
    assert growing.said == [
        "waiting up to 60 s for nodes: --trials-at-once 3 does not fit: 1 trials of 1 CPU fit on n0: 1 cores, 0 GPUs; "
        "lower --trials-at-once or what each trial gets"
    ]


def test_without_the_option_nothing_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    growing = Growing(monkeypatch)
    with pytest.raises(StudyError, match="give --wait-for-nodes SECONDS if nodes are still starting"):
        growing.allocate(None)
    assert (growing.looks, growing.requests) == (1, [])


def test_waiting_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    growing = Growing(monkeypatch)
    monkeypatch.setattr(cluster, "nodes_of_cluster", list)
    with pytest.raises(StudyError, match=r"no room on a cluster without nodes that have CPUs; .*; waited 0.05 s"):
        growing.allocate(0.05)
    assert growing.requests[-1] == []
