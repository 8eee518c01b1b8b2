"""Draw result tables as SVG. The only package that uses pygal.

Importing it registers the built-in views; pygal itself is imported with the first picture.
"""

from hubbub.charts.views import (
    activity,
    alerts,
    coverage,
    evenness,
    objects,
    overload,
    people,
    traffic,
)
