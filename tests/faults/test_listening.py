"""Ports and temporary files: nothing of a study or its dashboard is open to other machines and other users."""

import stat

import pytest

from tests.support.study_on_s3 import StudyOnS3
from tests.support.watched_study import WatchedStudy

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
LOOPBACK = {"127.0.0.1", "::1"}


def test_a_study_that_trains_listens_on_the_loopback_interface_only(watched_study: WatchedStudy) -> None:
    assert {"gcs_server", "raylet"} <= watched_study.programs
    assert watched_study.study.listening
    assert watched_study.study.listening <= LOOPBACK


def test_a_study_that_trains_beside_a_network_listens_on_the_loopback_interface_only(study_on_s3: StudyOnS3) -> None:
    assert {"gcs_server", "raylet"} <= study_on_s3.programs
    assert study_on_s3.listening
    assert study_on_s3.listening <= LOOPBACK


def test_the_index_page_and_mlflow_listen_on_the_loopback_interface_only(watched_study: WatchedStudy) -> None:
    answers = watched_study.dashboard.output()
    assert all(f"{page}:" in answers for page in ("Studies", "Report", "MLflow"))
    assert answers.count("\n200 ") >= 4, answers
    assert watched_study.dashboard.listening
    assert watched_study.dashboard.listening <= LOOPBACK


def test_no_other_user_can_enter_the_folder_of_rays_files(watched_study: WatchedStudy) -> None:
    assert "modstudy" in watched_study.modes
    assert stat.S_IMODE(watched_study.modes["modstudy"]) == 0o700


def test_no_other_user_can_read_rays_token(watched_study: WatchedStudy) -> None:
    assert stat.S_IMODE(watched_study.modes["ray"]) == 0o600


def test_no_token_is_left_in_the_users_home(watched_study: WatchedStudy) -> None:
    assert not (watched_study.folder / "home" / ".ray").exists()


def test_no_file_stays_in_the_folder_for_temporary_files(watched_study: WatchedStudy) -> None:
    # torch makes an empty folder for its compiler.
    assert [path for path in watched_study.temporary.rglob("*") if not path.name.startswith("torchinductor_")] == []


def test_no_process_stays_behind(watched_study: WatchedStudy) -> None:
    assert watched_study.study.processes() == []
    assert watched_study.dashboard.processes() == []
