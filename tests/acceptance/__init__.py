"""Claims about a deployed environment, AWS's or the embedded cloud's: `make acceptance ENV=…`.

Each test's name is a claim. They know the outputs of the environment's stacks, what AWS says of
its resources, and the operator's AWS credentials; docs/acceptance.md says how to run them.
"""
