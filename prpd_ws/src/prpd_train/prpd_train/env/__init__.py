"""The excavation environment over any engine, and its adapters to Gymnasium and rsl_rl."""
