"""The Explore panel: a map of music, and what lies between."""
