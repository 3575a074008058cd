"""A real browser for the tests of the pages of discovered sounds."""

from collections.abc import Iterator

import pytest

from tests.support.browser import Page, driven_page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with driven_page(tmp_path_factory.mktemp("browser"), 1280, 1000) as page:
        yield page
