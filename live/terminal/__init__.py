"""`hubbub top`: the bus on a terminal, and a line for each period without one."""
