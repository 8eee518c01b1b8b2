"""Queries about people: active users, cohorts, health, overload, organisations."""
