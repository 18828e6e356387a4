"""The spectrogram of the song or of a dropped file, on the piano roll's time axis."""
