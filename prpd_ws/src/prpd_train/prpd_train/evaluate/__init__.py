"""How good a policy is, on which grains, in which engine, and how sure one can be of it."""
