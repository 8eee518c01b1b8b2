"""`/alerts`: rules, alerts that are on, their history, silences; and one alert by its number."""
