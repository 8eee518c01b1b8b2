"""From result tables to SVG: the only folder that knows pygal.

Importing it registers the built-in views; pygal itself is loaded with the first picture.
"""

from hubbub.charts import alerts as alerts
from hubbub.charts import coverage as coverage
from hubbub.charts import evenness as evenness
from hubbub.charts import lorenz as lorenz
from hubbub.charts import overload as overload
from hubbub.charts import people as people
from hubbub.charts import touches as touches
from hubbub.charts import traffic as traffic
from hubbub.charts import views as views
