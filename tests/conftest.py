"""For all tests: how long one takes is no matter of theirs."""

from __future__ import annotations

import gc

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# A virtual cloud keeps nearly all that it makes: looking for garbage less often saves a tenth of the time.
gc.set_threshold(20_000, 20, 50)
