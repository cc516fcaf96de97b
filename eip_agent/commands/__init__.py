"""The commands, one module each: `run(args)` gives the exit code.  Only the one that is asked for is imported."""
