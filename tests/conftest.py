"""For all tests: how long one takes is no matter of theirs."""

from __future__ import annotations

import gc
import os

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# Each call of a function logs its result, and nearly no test reads that.
os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "WARNING")

# A virtual cloud keeps nearly all that it makes: looking for garbage less often saves a tenth of the time.
gc.set_threshold(20_000, 20, 50)
