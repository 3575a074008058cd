"""Leases whose heartbeats are those of the test."""

import pytest

from study.execution.lease import Lease


def without_own_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases write no heartbeats of their own, which could come after those of the test."""

    def no_beats(lease: Lease) -> None:
        assert lease.epoch > 0

    monkeypatch.setattr(Lease, "beat_until_released", no_beats)
