"""One graph form per module: the plan of its data and the pygal graph that draws it."""
