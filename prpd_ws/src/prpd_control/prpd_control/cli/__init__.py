"""Sub-commands of `prpd`."""
