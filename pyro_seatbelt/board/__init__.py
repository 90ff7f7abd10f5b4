"""The board: which models resist, and at what price."""
