"""Policy distillation, and the conservative policy transfer that PRPD builds from it."""
