"""The phase at which observations are freshest."""

import pytest

from prpd_control.excavate.freshness import AGE, LEAST, MARGIN, Arrivals

PERIOD = 0.1
FIRST = 1000.03


def arrivals(count, *, every=PERIOD, delay=0.08, jitter=(0.0,), begin=FIRST):
    """A log of messages whose stamps lie `every` apart, each of which takes `delay` + one of `jitter` in turn."""
    log = Arrivals()
    for i in range(count):
        stamp = begin + every * i
        log.add(stamp + delay + jitter[i % len(jitter)], stamp)
    return log


def wait(log, *, due=1005.0, begin=FIRST, delay=0.08, every=PERIOD):
    """s between a message's usual arrival and the instant that is recommended instead of `due`."""
    return (due + log.better(due, PERIOD) - begin - delay) % every


@pytest.mark.parametrize("due", [1005.0, 1005.04, 1005.08])
def test_acts_a_margin_after_the_messages_arrive(due) -> None:
    assert MARGIN - 1e-6 <= wait(arrivals(25), due=due) < MARGIN + 0.004


@pytest.mark.parametrize("delay", [0.03, 0.05, 0.075])
def test_what_comes_early_is_let_wait_so_that_late_ones_are_there_too(delay) -> None:
    late = (0.0, 0.0, 0.0, 0.0, AGE - delay - 0.005)
    phase = 1005.0 + arrivals(25, delay=delay, jitter=late).better(1005.0, PERIOD)
    assert (phase - FIRST) % PERIOD == pytest.approx(AGE, abs=0.003)


def test_of_many_images_neither_the_newest_nor_one_that_came_well_before_is_older() -> None:
    every, delay = PERIOD / 3, 0.05
    phase = 1005.0 + arrivals(60, every=every, delay=delay).better(1005.0, PERIOD)
    since_newest, since_sure = ((phase - before - FIRST - delay) % every + before for before in (0.0, MARGIN))
    assert delay + since_newest <= delay + since_sure < AGE + 0.003


@pytest.mark.parametrize("every", [1 / 30, 0.05])
def test_of_several_good_phases_it_takes_the_nearest(every) -> None:
    log = arrivals(60, every=every)
    assert MARGIN - 1e-6 <= wait(log, every=every) < MARGIN + 0.004
    assert abs(log.better(1005.0, PERIOD)) < every / 2 + 0.004


def test_it_stays_where_another_phase_is_hardly_better() -> None:
    slow = (0.002, 0.0, 0.0)  # each third image, which is that of one phase in three, takes 2 ms more
    log = arrivals(90, every=PERIOD / 3, jitter=slow)
    at_slow_ones = 1005.0 + (FIRST + 0.08 + 0.002 + MARGIN - 1005.0) % PERIOD
    assert abs(log.better(at_slow_ones, PERIOD)) <= 0.004


def test_a_varying_delay_is_waited_for_as_long_as_is_worth_it():
    jitter = (0.0, 0.01, 0.003, 0.012, 0.006, 0.0, 0.002, 0.011, 0.004, 0.008)
    assert 0.005 - 1e-6 <= wait(arrivals(30, jitter=jitter)) - MARGIN < 0.016


def test_stragglers_do_not_count() -> None:
    jitter = (0.0,) * 4 + (0.06,)
    assert wait(arrivals(30, jitter=jitter)) < MARGIN + 0.004


def test_a_pause_before_does_not_count() -> None:
    log = arrivals(4)
    for i in range(20):
        log.add(1001.5 + PERIOD * i, 1001.42 + PERIOD * i)
    assert MARGIN - 1e-6 <= wait(log, begin=1001.42) < MARGIN + 0.004


def test_too_few_messages_recommend_nothing() -> None:
    assert Arrivals().better(1005.0, PERIOD) == 0.0
    assert arrivals(LEAST - 1).better(1005.0, PERIOD) == 0.0


def test_messages_that_came_all_at_once_recommend_nothing() -> None:
    assert arrivals(2 * LEAST, every=0.002).better(1005.0, PERIOD) == 0.0


def test_only_the_last_seconds_count() -> None:
    log = arrivals(100)
    for i in range(40):
        log.add(2000.0 + PERIOD * i, 1999.9 + PERIOD * i)
    assert MARGIN - 1e-6 <= wait(log, due=2005.0, begin=1999.9, delay=0.1) < MARGIN + 0.004
