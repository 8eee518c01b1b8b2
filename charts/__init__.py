"""From result tables to SVG: the only folder that knows pygal."""
