"""Chart types, one per module: a plan (the data to draw), the pygal graph, and a `draw_…` function.

A view calls the `draw_…` function with its `Chart`, the query's result and its own texts.
"""
