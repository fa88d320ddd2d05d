"""How things are measured: alternating repeats, memory, growth, processes of their own, records."""
