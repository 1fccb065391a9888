"""File transfer: what is behind `Client.files`."""
