"""Full-band arrangements by rule: melody and chords in, a band in a named style out.

The shipped models learn playing together from these, as there is little band music whose licence allows it.
"""

from core.learn.arrange.band import arrange, suitable_styles
from core.learn.arrange.drums import DrumBars
from core.learn.arrange.styles import STYLES

__all__ = ["STYLES", "DrumBars", "arrange", "suitable_styles"]
