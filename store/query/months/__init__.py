"""Read the rollups by month: who touched what, totals of users and of objects."""
