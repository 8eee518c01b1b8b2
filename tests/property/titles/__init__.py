"""What titles, subtitles and labels may say of random stores, computed in plain Python.

Nothing here calls hubbub's arithmetic or its formatting of numbers and dates.
"""
