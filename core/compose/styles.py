"""The styles and composers that the flagship can be asked for. The order is part of its weights."""

STYLES = (
    "pop", "ballad", "rock", "metal", "funk", "soul", "jazz", "bossa nova", "latin", "reggae", "hiphop",
    "electronic", "country", "folk", "waltz", "blues", "afrobeat", "orchestral",
    "piano pop", "classical", "string quartet", "art song", "classical guitar", "chorale", "folk tune",
    "march", "game rock", "game jazz", "lead sheet",
)  # fmt: skip

COMPOSERS = (
    "Bach", "Beethoven", "Brahms", "Chopin", "Debussy", "Franz", "Giuliani", "Grieg", "Handel", "Haydn",
    "Holmès", "Liszt", "Mendelssohn", "Mozart", "Schubert", "Schumann", "Sor", "Tchaikovsky", "Vivaldi",
)  # fmt: skip
