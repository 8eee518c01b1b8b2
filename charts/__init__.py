"""From result tables to SVG: the only folder that knows pygal.

Importing it registers the built-in views; pygal itself is loaded with the first picture.
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
