"""The built-in General MIDI soundfont, synthesised from tables of numbers.

Nothing here is recorded: every sample is computed with numpy from a recipe, so the font is ours to give away and
`python -m core.sound.built_in_font OUT.sf2` makes it anew.

    sample      what a sample is, and the grid of frequencies on which every loop closes without a seam
    engines     the five ways of making a sound: modes, harmonics, pads, frequency modulation, noise
    struck, plucked, sustained, electronic, effects     recipes of voices, by what sets the air in motion;
                `sustained` are strings, winds, brass, choir and organs
    drums       the drum kit, one row a key
    programs    which voices make up each of the 128 programs, with envelopes, filters and vibrato
    levels      how loud a voice is, so that all can be made equally loud
    sf2_file    the SoundFont 2.04 container
    build       puts it all together
"""
