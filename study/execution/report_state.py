"""State of the results that report and tracker were made from, so that a study without news is left alone."""

import hashlib
import json

from core.storage.code_version import code_version
from core.storage.records import StudyPlan
from core.storage.store import Store

STATE_KEY = "report/state.json"
"""Key in the store of the state that the report shows and the tracker has."""


def results_state(store: Store, plan: StudyPlan, tracking_uri: str) -> str:
    """Hash of everything that report and tracker depend on: code, plan, tracker and the records of all trials."""
    rows = store.rows()
    planned = [(trial.digest, rows[trial.digest]) for trial in plan.trials if trial.digest in rows]
    content = [
        code_version(),
        tracking_uri,
        len(plan.segments),
        [[digest, row.outcome, row.finished_at] for digest, row in planned],
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def is_up_to_date(store: Store, state: str) -> bool:
    """Whether report and tracker were made from this state."""
    if not store.has(STATE_KEY):
        return False
    try:
        return bool(json.loads(store.get(STATE_KEY)) == {"state": state})
    except ValueError:
        return False


def note_up_to_date(store: Store, state: str) -> None:
    """Note that report and tracker were made from this state."""
    store.put(STATE_KEY, json.dumps({"state": state}).encode())
