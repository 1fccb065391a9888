"""File transfer: files of any size between people and S3."""
