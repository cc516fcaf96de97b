"""The decisions: pure functions over plain values.  No I/O, clock, log, global or randomness."""
