import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.song.notes import CONTROL, DRUM_CHANNEL, Meter, Song, Tempo, Track, make_notes
from core.sound import events as ev


def rows(events, *names):
    return list(zip(*(events[name].tolist() for name in names)))


def controls(*entries):
    return np.array(list(entries), CONTROL)


def test_times_follow_the_tempo_map():
    song = Song(
        make_notes([0, 480, 960], 480, 60),
        (Track(),),
        tempos=(Tempo.from_bpm(0, 120), Tempo.from_bpm(480, 60)),
    )
    events = ev.playback_events(song)
    starts = events[events["kind"] == ev.NOTE_ON]
    assert starts["seconds"].tolist() == [0.0, 0.5, 1.5]
    assert events["seconds"][-1] == 2.5


def test_at_one_time_ends_come_before_settings_and_starts_last():
    song = Song(
        make_notes([0, 480], 480, 60),
        (Track(program=5, volume=90, pan=10),),
        controls=controls((480, 0, 0, 0xC0, 0, 7), (480, 0, 0, 0xB0, 0, 1), (480, 0, 0, 0xB0, 64, 127)),
    )
    events = ev.playback_events(song)
    at_start = rows(events[events["tick"] == 0], "kind", "number", "value")
    assert at_start == [(ev.CHANNEL_TYPE, 0, 0), (ev.PROGRAM, 5, 0), (ev.CONTROLLER, 7, 90),
                        (ev.CONTROLLER, 10, 10), (ev.NOTE_ON, 60, 80)]  # fmt: skip
    at_beat = rows(events[events["tick"] == 480], "kind", "number", "value")
    assert at_beat == [(ev.NOTE_OFF, 60, 0), (ev.CONTROLLER, 0, 1), (ev.PROGRAM, 7, 0),
                       (ev.CONTROLLER, 64, 127), (ev.NOTE_ON, 60, 80)]  # fmt: skip


def test_forty_tracks_have_forty_channels_and_drums_are_marked():
    tracks = tuple(Track(program=index, is_drum=index == 7, channel=DRUM_CHANNEL) for index in range(40))
    song = Song(make_notes(0, 480, 60, track=np.arange(40)), tracks)
    events = ev.playback_events(song)
    starts = events[events["kind"] == ev.NOTE_ON]
    assert sorted(starts["channel"].tolist()) == list(range(40))
    drums = events[(events["kind"] == ev.CHANNEL_TYPE) & (events["value"] == 1)]
    assert drums["channel"].tolist() == [7]
    programs = events[events["kind"] == ev.PROGRAM]
    assert rows(programs, "channel", "number") == [(index, index) for index in range(40)]


def test_a_pitch_struck_again_is_heard_to_its_own_end():
    song = Song(make_notes([0, 240], [480, 480], 60), (Track(),))
    events = ev.playback_events(song)
    notes = events[np.isin(events["kind"], (ev.NOTE_ON, ev.NOTE_OFF))]
    assert rows(notes, "tick", "kind") == [(0, ev.NOTE_ON), (240, ev.NOTE_OFF), (240, ev.NOTE_ON),
                                           (720, ev.NOTE_OFF)]  # fmt: skip


def test_a_note_of_no_length_starts_before_it_ends():
    song = Song(make_notes(0, 0, 60), (Track(),))
    notes = ev.playback_events(song)[-2:]
    assert rows(notes, "tick", "kind") == [(0, ev.NOTE_ON), (1, ev.NOTE_OFF)]


def test_a_pedal_in_one_hand_holds_the_other_on_the_same_channel_but_no_other_instrument():
    tracks = (Track(channel=0), Track(channel=0), Track(channel=0, program=40))
    song = Song(tracks=tracks, controls=controls((10, 0, 0, 0xB0, 64, 127)))
    events = ev.playback_events(song)
    assert events[events["number"] == 64]["channel"].tolist() == [0, 1]


def test_a_tracks_own_volume_and_program_hold_at_its_first_note_and_later_ones_are_the_files():
    song = Song(
        make_notes([480, 960], 100, 60),
        (Track(program=30, volume=55),),
        controls=controls((0, 0, 0, 0xB0, 7, 120), (10, 0, 0, 0xC0, 0, 4), (960, 0, 0, 0xB0, 7, 20)),
    )
    events = ev.playback_events(song)
    volumes = events[(events["kind"] == ev.CONTROLLER) & (events["number"] == ev.VOLUME)]
    assert rows(volumes, "tick", "value") == [(0, 55), (0, 55), (960, 20)]
    assert set(events["number"][events["kind"] == ev.PROGRAM].tolist()) == {30}


def test_a_song_without_anything_gives_an_empty_table():
    assert len(ev.playback_events(Song())) == 0
    assert len(ev.state_at(ev.playback_events(Song()), 5.0)) == 0


def test_clicks_follow_bars_and_meters():
    song = Song(meters=(Meter(0, 3, 4), Meter(1440, 6, 8)))
    clicks = ev.metronome_events(song, 2880)
    assert clicks["tick"].tolist() == [0, 480, 960, 1440, 1680, 1920, 2160, 2400, 2640]
    accents = clicks["tick"][clicks["number"] == ev.CLICK_ACCENT].tolist()
    assert accents == [0, 1440]


def test_the_state_at_a_time_is_the_last_of_every_setting_bank_first():
    song = Song(
        tracks=(Track(program=1, volume=80),),
        controls=controls(
            (480, 0, 0, 0xC0, 0, 20), (500, 0, 0, 0xB0, 0, 3), (960, 0, 0, 0xB0, 7, 30),
            (960, 0, 0, 0xE0, 0, -500), (1440, 0, 0, 0xB0, 7, 99),
        ),
    )  # fmt: skip
    state = ev.state_at(ev.playback_events(song), 1.0)
    assert rows(state, "kind", "number", "value") == [
        (ev.CHANNEL_TYPE, 0, 0), (ev.CONTROLLER, 0, 3), (ev.PROGRAM, 20, 0), (ev.CONTROLLER, 10, 64),
        (ev.CONTROLLER, 7, 30), (ev.PITCH_BEND, 0, -500),
    ]  # fmt: skip


notes_strategy = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(0, 900), st.integers(58, 62), st.integers(0, 2)), max_size=40
)


@given(notes_strategy)
@settings(max_examples=60, deadline=None)
def test_every_start_has_its_end_whatever_overlaps(entries):
    onset, duration, pitch, track = np.array(entries or np.zeros((0, 4)), int).reshape(-1, 4).T
    song = Song(make_notes(onset, duration, pitch, track=track), (Track(), Track(), Track()))
    events = ev.playback_events(song)
    assert (np.diff(events["seconds"]) >= 0).all()
    sounding = set()
    for kind, channel, number in rows(events, "kind", "channel", "number"):
        if kind == ev.NOTE_ON:
            assert (channel, number) not in sounding
            sounding.add((channel, number))
        elif kind == ev.NOTE_OFF:
            sounding.remove((channel, number))
    assert not sounding
    starts = events[events["kind"] == ev.NOTE_ON]
    assert set(rows(starts, "tick", "channel", "number")) == {(o, t, p) for o, _, p, t in entries}
