"""Say: a report as text or JSON.  Imports `core` only."""
