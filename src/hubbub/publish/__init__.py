"""A static site of a store's numbers: pictures, an explorer, downloads, a feed.

`site` makes all files from a store, `write` puts them into a folder, `check` says what they tell of
whom. The same data give the same bytes: no time but those of the data, no random id.
"""
