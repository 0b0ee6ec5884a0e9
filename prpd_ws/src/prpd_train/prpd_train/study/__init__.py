"""Studies: families of runs that differ in one thing, several seeds of each, run in parallel by Ray."""

from prpd_train.study.variants import STUDIES, Variant, variants

__all__ = ["STUDIES", "Variant", "variants"]
