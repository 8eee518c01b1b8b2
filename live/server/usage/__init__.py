"""`/usage/TOPIC`: how many different people, per day, week, month, quarter or year."""
