"""The embedded cloud: a local AWS that `make local-up` starts and deploys to.

    from local.cloud import Cloud
    from local.deploy import deploy
    from local.ports import free_port

    with Cloud(tmp_path, port=free_port()) as cloud:
        outputs = deploy(cloud, assembly=Path("cdk.out"))

All of `local/` runs in the development environment but `launcher.py`: it starts the
emulator, ministack, which has an environment of its own with the functions that it runs.
"""
