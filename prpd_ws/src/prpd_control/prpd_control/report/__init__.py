"""A batch's report: one self-contained HTML page, and the same as PDF."""
