"""Write: the only modules with effects on the machine.  Imports `core` and `errors` only."""
