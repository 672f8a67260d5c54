"""Jobs of DRS on the clock: LAUNCH, TERMINATE, and conversion in a staging account."""
