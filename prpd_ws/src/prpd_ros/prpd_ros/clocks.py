"""Which clock what is timed by."""

from rclpy.clock import Clock, ClockType

STEADY = Clock(clock_type=ClockType.STEADY_TIME)
"""For what must go on when the graph's clock jumps or stands."""
