"""Code that the operators' programs share: command line, deployments, reads and deletions."""
