"""The smallest app with payload ingest: `cdk synth --app "python ingest_app.py"`."""

import aws_cdk as cdk

from wideload_cdk import PayloadIngest

app = cdk.App()
stack = cdk.Stack(app, "Calls")
ingest = PayloadIngest(stack, "Ingest", api_key_header="x-pype-token")
cdk.CfnOutput(stack, "ApiUrl", value=ingest.api_url)
app.synth()
