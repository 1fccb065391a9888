"""Build what is released, and use each artifact as other teams will."""
