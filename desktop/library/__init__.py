"""The Library panel: pieces, claims, and the blind listening test."""
