"""Proximal policy optimisation: a clipped objective with an adaptive KL penalty, in small pieces."""
