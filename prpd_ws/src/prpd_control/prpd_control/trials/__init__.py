"""Batches of trials: what to run, who runs it, what came of it."""
