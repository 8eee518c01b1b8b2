"""The report: every view on a page, and the comparison with an earlier report."""
