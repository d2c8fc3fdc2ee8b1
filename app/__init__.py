"""Byline, a headless JSON API for news."""

import gc

OBJECTS_BETWEEN_COLLECTIONS = 20_000
"""A batch of lines makes as many objects at once, and so do the imports of a server's start. Looking
for garbage among them each 700, as Python does by itself, takes a fifth of the time."""

# Here, as nothing of the application is imported before.
gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
