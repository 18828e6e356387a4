"""Asking a generator for music, and what to do with what it brings."""
