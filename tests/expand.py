"""Prints a template as CloudFormation sees it, as JSON: consumer loop unrolled, SAM translated, by SAM CLI's own code.

Usage: expand.py TEMPLATE [PARAMETER=VALUE]...
"""

import json
import os
import sys

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse

# The translator builds ARNs and needs some region for it; nothing is looked up.
REGION = "us-east-1"


class NoManagedPolicies:
    """SAM asks AWS for the ARNs of managed policies by name; no role here may have one."""

    def load(self):
        return {}


def main(path, *parameters):
    os.environ["AWS_DEFAULT_REGION"] = REGION
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    values = {name: parameter.get("Default") for name, parameter in template.get("Parameters", {}).items()}
    values.update(parameter.split("=", 1) for parameter in parameters)
    validator = SamTemplateValidator(
        template, NoManagedPolicies(), region=REGION, parameter_overrides=values, language_extensions_enabled=True
    )
    json.dump(yaml_parse(validator.get_translated_template_if_valid()), sys.stdout)


main(*sys.argv[1:])
