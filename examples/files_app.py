"""File transfer with its page: `cdk synth --app "python files_app.py"`."""

import aws_cdk as cdk

from wideload_cdk import FileTransfer, WebApp, WebContent

app = cdk.App()
stack = cdk.Stack(app, "Files")
page = WebApp(stack, "Page")
files = FileTransfer(stack, "Files", web_urls=[page.url])
WebContent(stack, "Content", app=page, files=files)
cdk.CfnOutput(stack, "ApiUrl", value=files.api_url)
cdk.CfnOutput(stack, "PageUrl", value=page.url)
app.synth()
