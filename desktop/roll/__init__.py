"""The piano roll: what is on the screen, the hands that change it, and the voice that reads it out."""
