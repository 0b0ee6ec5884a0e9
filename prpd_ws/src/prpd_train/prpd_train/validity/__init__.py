"""Whether a simulator behaves like soil and a rock: measurements that tests and `benchmarks/sim_validity.py` share."""
