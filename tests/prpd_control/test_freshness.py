"""The phase at which observations are freshest."""

import pytest

from prpd_control.excavate.freshness import LEAST, MARGIN, Arrivals

PERIOD = 0.1


def arrivals(count, *, every=PERIOD, delay=0.08, jitter=(0.0,), begin=1000.03):
    """A log of messages whose stamps lie `every` apart, each of which takes `delay` + one of `jitter` in turn."""
    log = Arrivals()
    for i in range(count):
        stamp = begin + every * i
        log.add(stamp + delay + jitter[i % len(jitter)], stamp)
    return log


def wait(log, *, begin=1000.03, delay=0.08, every=PERIOD):
    """s between a message's usual arrival and the chosen instant."""
    return (log.freshest(PERIOD) - begin - delay) % every


def test_acts_a_margin_after_the_messages_arrive() -> None:
    assert MARGIN - 1e-6 <= wait(arrivals(25)) < MARGIN + 0.004


@pytest.mark.parametrize("every", [1 / 30, 0.05])
def test_faster_messages_have_several_good_phases(every) -> None:
    assert MARGIN - 1e-6 <= wait(arrivals(60, every=every), every=every) < MARGIN + 0.004


def test_a_varying_delay_is_waited_for_as_long_as_is_worth_it():
    jitter = (0.0, 0.01, 0.003, 0.012, 0.006, 0.0, 0.002, 0.011, 0.004, 0.008)
    assert 0.005 <= wait(arrivals(30, jitter=jitter)) - MARGIN < 0.016


def test_stragglers_do_not_count() -> None:
    jitter = (0.0,) * 4 + (0.06,)
    assert wait(arrivals(30, jitter=jitter)) < MARGIN + 0.004


def test_a_pause_before_does_not_count() -> None:
    log = arrivals(4)
    for i in range(20):
        log.add(1001.5 + PERIOD * i, 1001.42 + PERIOD * i)
    assert MARGIN - 1e-6 <= (log.freshest(PERIOD) - 1001.5) % PERIOD < MARGIN + 0.004


def test_too_few_messages_give_no_phase() -> None:
    assert Arrivals().freshest(PERIOD) is None
    assert arrivals(LEAST - 1).freshest(PERIOD) is None


def test_messages_that_came_all_at_once_give_no_phase() -> None:
    assert arrivals(2 * LEAST, every=0.002).freshest(PERIOD) is None


def test_only_the_last_seconds_count() -> None:
    log = arrivals(100)
    for i in range(40):
        log.add(2000.0 + PERIOD * i, 1999.9 + PERIOD * i)
    assert MARGIN - 1e-6 <= (log.freshest(PERIOD) - 2000.0) % PERIOD < MARGIN + 0.004
