"""File transfer for the users of your identity provider."""

import aws_cdk as cdk

from wideload_cdk import FileTransfer

app = cdk.App()
stack = cdk.Stack(app, "Files")
files = FileTransfer(
    stack,
    "Files",
    issuer="https://login.example.com/",  # as in the tokens' claim `iss`, to the last slash
    audience="https://files.example.com",  # as in their claim `aud`
    client_id="0oa8f3k2",  # the public client by which the page and the command line sign in
    web_urls=["https://dailies.example.com"],  # pages that call the API from a browser
)
cdk.CfnOutput(stack, "ApiUrl", value=files.api_url)
app.synth()
