"""Asks the services of a local cloud what is deployed, through boto3, for services that have no client in the tests.

Usage: ask.py ENDPOINT < QUESTIONS, where a question is [service, operation, arguments, JMESPath of the answer]. Prints the answers.
"""

import json
import sys

import boto3
import jmespath

LOCAL_KEY = "test"


def answer(endpoint, service, operation, arguments, path):
    client = boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=LOCAL_KEY,
        aws_secret_access_key=LOCAL_KEY,
    )
    if client.can_paginate(operation):
        found = client.get_paginator(operation).paginate(**arguments).build_full_result()
    else:
        found = getattr(client, operation)(**arguments)
    return jmespath.search(path, found)


def main(endpoint):
    json.dump([answer(endpoint, *question) for question in json.load(sys.stdin)], sys.stdout, default=str)


main(*sys.argv[1:])
