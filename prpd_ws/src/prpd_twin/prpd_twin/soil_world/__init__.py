"""The soil box of the twin: a simulated bed with a rock, dug by the emulated arm's bucket."""
