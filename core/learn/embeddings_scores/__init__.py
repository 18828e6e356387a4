"""Training of the score embedding: a recurrent autoencoder of bars, and what is measured of it."""
