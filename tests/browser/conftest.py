"""The tests of the studio in a real browser. ``make test-browser`` installs what they need, and runs them."""

import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "examples"))  # for the accessors of the example schemas

if find_spec("playwright") is not None:  # without it, each module of tests says that it is skipped
    from tests.browser.visits import axe as axe
    from tests.browser.visits import browser as browser
    from tests.browser.visits import empty as empty
    from tests.browser.visits import reading as reading
    from tests.browser.visits import visit as visit
    from tests.browser.visits import writing as writing
