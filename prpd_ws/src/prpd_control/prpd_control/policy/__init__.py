"""Run an exported policy: load it, refuse what cannot be met, act."""
