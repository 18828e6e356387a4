"""The Listen panel: what a file is, how it was found, many files at once, and what of it goes into Compose."""
