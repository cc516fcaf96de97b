"""Read: each module fetches from one place and decodes into facts.  Imports `core` and `errors` only."""
