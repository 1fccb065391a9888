"""File transfer: the modules behind `Client.files`."""
