import shutil
import subprocess
import time

import mido
import numpy as np
import pytest
import soundfile

from core.errors import Cancelled, TunesmithError
from core.song.notes import Song, Track, make_notes
from core.sound import audio_file, fluid
from core.sound.loudness import integrated_lufs, peak_dbfs
from core.sound.render import CEILING_DBFS, render, render_to_file

RATE = 44100


def onsets(samples, threshold=0.005):
    """Frames at which sound begins after at least 50 ms of silence."""
    loud = np.flatnonzero(np.abs(samples).max(axis=1) > threshold)
    return loud[np.diff(loud, prepend=-RATE) > RATE // 20]


def clicks(count=8, ticks=480, program=80, **fields):
    """Short notes of a square wave, which begins and ends at once."""
    return Song(make_notes(np.arange(count) * ticks, 60, 76, 120), (Track(program=program, **fields),))


def test_notes_begin_where_the_score_says_to_within_a_block(font):
    samples = render(clicks(12, ticks=437), soundfont=font, effects=False)
    expected = np.arange(12) * 437 / 960 * RATE
    found = onsets(samples)
    assert len(found) == 12
    late = found - expected
    # The instrument's own attack is the same for all: what varies is the block it starts in.
    assert np.ptp(late) < fluid.BLOCK + 1
    assert late.min() >= 0
    assert late.max() < 0.005 * RATE


def test_volume_and_pan_of_one_track_leave_the_others_alone(font):
    left, right = Track(program=80, pan=0), Track(program=80, pan=127, volume=50)
    song = Song(make_notes([0, 960], 60, 76, 120, [0, 1]), (left, right))
    samples = render(song, soundfont=font, effects=False)
    # FluidSynth 2.3 glides to a new pan within a voice's first two blocks: look after them.
    first, second = samples[200 : RATE // 2], samples[RATE + 200 : RATE + RATE // 2]
    assert np.abs(first[:, 0]).max() > 10 * np.abs(first[:, 1]).max()
    assert np.abs(second[:, 1]).max() > 10 * np.abs(second[:, 0]).max()
    # MIDI volume is a square law: (50/100)^2 is -12 dB.
    ratio = 20 * np.log10(np.abs(second).max() / np.abs(first).max())
    assert ratio == pytest.approx(-12.04, abs=0.3)


def test_more_than_sixteen_tracks_sound_each_on_its_own_channel(font):
    tracks = tuple(Track(program=80, pan=0 if index % 2 else 127) for index in range(24))
    song = Song(make_notes(np.arange(24) * 480, 60, 76, 120, np.arange(24)), tracks)
    samples = render(song, soundfont=font, effects=False)
    for index, start in enumerate(onsets(samples)[:24]):
        loud = np.abs(samples[start : start + 2000]).max(axis=0)
        assert loud.argmax() == (0 if index % 2 else 1)


def test_drums_are_drums_on_any_track(font):
    """A bass drum holds no pitch: its sound is not that of a low piano string."""
    note = make_notes(0, 480, 36, 110)
    drum = render(Song(note, (Track(is_drum=True, channel=3),)), soundfont=font, effects=False)
    piano = render(Song(note, (Track(channel=9),)), soundfont=font, effects=False)
    count = min(len(drum), len(piano), RATE // 2)
    assert abs(np.corrcoef(drum[:count, 0], piano[:count, 0])[0, 1]) < 0.5
    assert len(onsets(drum)) == len(onsets(piano)) == 1


def test_loud_music_is_brought_under_the_ceiling_and_quiet_music_is_left_alone(font):
    pitches = np.arange(30, 100)
    loud = render(Song(make_notes(0, 960, pitches, 127), (Track(program=16, volume=127),)), soundfont=font)
    assert peak_dbfs(loud) == pytest.approx(CEILING_DBFS, abs=0.01)
    quiet = render(clicks(1), soundfont=font)
    assert peak_dbfs(quiet) < CEILING_DBFS


def test_the_sound_dies_away_and_is_not_cut(font):
    samples = render(Song(make_notes(0, 480, 60, 100), (Track(program=48),)), soundfont=font)
    assert len(samples) > 0.6 * RATE
    assert len(samples) < 12 * RATE
    assert np.abs(samples[-500:]).max() < 1e-4


def test_an_empty_song_gives_silence_not_an_error(font):
    samples = render(Song(), soundfont=font)
    assert np.abs(samples).max() < 1e-6
    assert samples.shape[1] == 2


def test_the_same_song_gives_the_same_sound(font):
    first, second = (render(clicks(3), soundfont=font) for _ in range(2))
    assert np.array_equal(first, second)


def test_it_sounds_as_fluidsynth_itself_renders_it(font, tmp_path):
    """One piano, effects off, onsets at whole milliseconds, where both round time alike."""
    program = shutil.which("fluidsynth")
    if not program:
        pytest.skip("fluidsynth's own program is not installed: apt-get install fluidsynth")
    pitches = [60, 64, 67, 72, 71, 67, 62, 65, 69, 48, 55, 60]
    song = Song(make_notes(np.arange(12) * 240, 220, pitches, np.linspace(50, 110, 12)), (Track(),))
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)])
    for pitch, velocity in zip(pitches, np.linspace(50, 110, 12), strict=True):
        track += [
            mido.Message("note_on", note=pitch, velocity=int(velocity), time=20 if len(track) > 1 else 0),
            mido.Message("note_off", note=pitch, time=220),
        ]
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(tmp_path / "song.mid")
    subprocess.run(
        [program, "-ni", "-R", "0", "-C", "0", "-g", str(fluid.GAIN), "-r", str(RATE), "-O", "float",
         "-F", str(tmp_path / "peer.wav"), str(font), str(tmp_path / "song.mid")],
        check=True, capture_output=True,
    )  # fmt: skip
    peer, _ = soundfile.read(tmp_path / "peer.wav", dtype="float32")
    ours = render(song, soundfont=font, sample_rate=RATE, effects=False)
    shift = onsets(peer, 0.002)[0] - onsets(ours, 0.002)[0]
    assert abs(shift) <= 2 * fluid.BLOCK
    count = 4 * RATE
    peer = peer[max(0, shift) :][:count]
    ours = ours[max(0, -shift) :][: len(peer)]
    peer = peer[: len(ours)]
    assert np.corrcoef(ours[:, 0], peer[:, 0])[0, 1] > 0.99
    assert np.abs(ours).max() == pytest.approx(np.abs(peer).max(), rel=0.02)


def test_cancelling_stops_at_once_and_leaves_nothing(font, tmp_path):
    song = Song(make_notes(np.arange(4000) * 120, 480, 40 + np.arange(4000) % 40), (Track(),))
    asked = []

    def cancelled():
        asked.append(time.perf_counter())
        return len(asked) > 20

    with pytest.raises(Cancelled):
        render_to_file(song, tmp_path / "song.wav", soundfont=font, cancelled=cancelled)
    assert not list(tmp_path.iterdir())
    assert len(asked) == 21


def test_progress_rises_to_one(font, tmp_path):
    shares = []
    render_to_file(clicks(4), tmp_path / "song.wav", soundfont=font, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("name", "bits", "subtype"),
    [
        ("a.wav", 16, "PCM_16"), ("a.wav", 24, "PCM_24"), ("a.wav", 32, "FLOAT"),
        ("a.flac", 16, "PCM_16"), ("a.flac", 24, "PCM_24"), ("a.ogg", 24, "VORBIS"),
    ],
)  # fmt: skip
def test_every_format_reads_back_as_it_was_rendered(font, tmp_path, name, bits, subtype):
    report = render_to_file(clicks(3), tmp_path / name, bits=bits, soundfont=font, sample_rate=48000)
    read, rate = soundfile.read(tmp_path / name, dtype="float32")
    ours = render(clicks(3), soundfont=font, sample_rate=48000)
    assert soundfile.info(tmp_path / name).subtype == subtype
    assert rate == 48000
    assert read.shape == ours.shape
    assert report.seconds_of_music == pytest.approx(len(ours) / 48000)
    assert report.peak_dbfs == pytest.approx(peak_dbfs(ours))
    if subtype == "VORBIS":
        assert np.corrcoef(read[:, 0], ours[:, 0])[0, 1] > 0.99
    else:
        assert np.abs(read - ours).max() < {16: 2.6, 24: 0.02, 32: 0.0001}[bits] / 32768


def test_dither_keeps_what_rounding_would_lose():
    """A tone of a third of a 16-bit step rounds to silence; with dither it is still there."""
    tone = (0.33 / 32767 * np.sin(2 * np.pi * 441 * np.arange(RATE * 4) / RATE)).astype(np.float32)[:, None]
    dithered = audio_file.to_16_bits(tone, np.random.default_rng(0))[:, 0] / 32767
    assert np.corrcoef(dithered, tone[:, 0])[0, 1] > 0.2
    assert not np.rint(tone * 32767).any()


@pytest.mark.parametrize("rate", [44100, 48000])
def test_loudness_is_that_of_the_standards_test_tones(rate):
    """EBU Tech 3341: a 1 kHz tone of -23 dBFS in both channels is -23 LUFS, of -33 it is -33."""
    for level in (-23.0, -33.0):
        tone = 10 ** (level / 20) * np.sin(2 * np.pi * 997 * np.arange(20 * rate) / rate)
        stereo = np.stack([tone, tone], axis=1).astype(np.float32)
        assert integrated_lufs(stereo, rate) == pytest.approx(level, abs=0.1)
    # The gate: silence and a tone far below the rest do not count.
    with_pauses = np.concatenate([stereo * 10, np.zeros_like(stereo), stereo * 0.01])
    assert integrated_lufs(with_pauses, rate) == pytest.approx(-13.0, abs=0.2)
    assert integrated_lufs(np.zeros((rate, 2), np.float32), rate) == -np.inf


def test_what_cannot_be_written_is_refused_before_any_work(font, tmp_path):
    with pytest.raises(TunesmithError, match=r"must end in \.wav, \.flac or \.ogg"):
        render_to_file(clicks(), tmp_path / "song.mp3", soundfont=font)
    with pytest.raises(TunesmithError, match="choose 16 or 24"):
        render_to_file(clicks(), tmp_path / "song.flac", bits=32, soundfont=font)
    with pytest.raises(TunesmithError, match="impossible; choose 8000 to 96000"):
        render(clicks(), sample_rate=7, soundfont=font)
    with pytest.raises(TunesmithError, match=r"lasts 11\.6 hours; .* may last 2\. Cut it into parts"):
        render(clicks(2, ticks=40_000_000), soundfont=font)


def test_a_missing_library_says_how_to_install_it(monkeypatch):
    fluid.library.cache_clear()
    monkeypatch.setattr(fluid, "_candidates", lambda platform: ["libno-such-thing.so"])
    with pytest.raises(TunesmithError, match="FluidSynth's library was not found; install it with: "):
        fluid.library()
    monkeypatch.undo()
    fluid.library.cache_clear()
    assert fluid.version()[0] in "23"


def test_a_damaged_font_is_refused_in_one_line(tmp_path):
    path = tmp_path / "damaged.sf2"
    path.write_bytes(b"RIFF\xff\xff\xff\x7fsfbk" + b"LIST" * 10)
    with pytest.raises(TunesmithError, match="cannot load the soundfont"):
        render(clicks(1), soundfont=path)


@pytest.mark.parametrize(("suffix", "bits", "depth", "encoding"), [
    (".wav", 16, "16", "Signed Integer PCM"), (".wav", 24, "24", "Signed Integer PCM"),
    (".wav", 32, "32", "Floating Point PCM"),
    (".flac", 16, "16", "FLAC"), (".flac", 24, "24", "FLAC"), (".ogg", 24, "0", "Vorbis"),
])  # fmt: skip
def test_another_program_reads_what_is_exported_at_its_exact_length(
    font, tmp_path, suffix, bits, depth, encoding
):
    """The length is the song's and its dying away: the song alone plus what is rendered after its end."""
    soxi = shutil.which("soxi")
    if not soxi:
        pytest.skip("sox is not installed: apt-get install sox libsox-fmt-all")
    path = tmp_path / f"song{suffix}"
    song = clicks(3)
    report = render_to_file(song, path, bits=bits, soundfont=font, sample_rate=48000)

    def told(option):
        return subprocess.run([soxi, option, path], check=True, capture_output=True, text=True).stdout.strip()

    frames = len(render(song, soundfont=font, sample_rate=48000))
    assert told("-s") == str(frames) == str(round(report.seconds_of_music * 48000))
    assert song.seconds * 48000 < frames < (song.seconds + 10) * 48000
    assert (told("-r"), told("-c")) == ("48000", "2")
    assert encoding in told("-e")
    assert told("-b") == depth
