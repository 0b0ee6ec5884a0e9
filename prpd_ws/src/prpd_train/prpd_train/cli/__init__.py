"""The sub-commands of `prpd` that belong to learning."""
