"""A browser for the tests that open pages."""

from contextlib import ExitStack

import lab
import pytest


@pytest.fixture(scope="module")
def browser():
    """Chromium; a test that asks for it is skipped, with the reason, where there is none."""
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(lab.browser())
        except lab.NoBrowserError as missing:
            pytest.skip(str(missing))
        yield opened
