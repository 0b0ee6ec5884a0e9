"""A broken rule of Isaac Gym."""


class RuleBroken(Exception):
    """What the caller did would fail, silently or not, in Isaac Gym."""


def rule(kept, text):
    if not kept:
        raise RuleBroken(text)
