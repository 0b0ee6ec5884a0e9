"""What `./prpd` does before the `prpd` command runs: Python's standard library only, from Python 3.8 on."""
