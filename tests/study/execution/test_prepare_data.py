"""The driver prepares the data of the trials that start first."""

import logging

from core.data import dataset_cache as prepared
from core.settings.loading import from_settings
from study.execution.runner import prepare_data


def test_each_dataset_is_prepared_once_and_trouble_with_one_is_left_to_its_trials(plan, monkeypatch, caplog):
    taken = []

    def build(config):
        taken.append(config.data)
        raise OSError("gone")

    monkeypatch.setattr(prepared, "cached_dataset", build)
    prepare_data(plan.trials)
    assert taken == [from_settings(plan.trials[0].config).data]
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "the data of arm constant cannot be prepared: gone")
    ]
