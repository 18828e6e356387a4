"""Who wrote it, learnt: from rendered orchestral music (table S2 and our own network), and from scores."""
