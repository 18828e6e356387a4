"""The list of tracks and their mix."""
