"""This repository's own deployment of Wideload."""
