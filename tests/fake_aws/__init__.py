"""AWS in memory, for the tests: DynamoDB, S3, SQS, and the HTTP APIs in front of the functions."""
