"""Watching: a live view in the browser, and a layout for Foxglove."""
