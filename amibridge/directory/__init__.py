"""The two YAML files, and what the core asks of them.

`amibridge.directory.loading.load` reads both files and answers with the settings, the directory and the warnings, or
raises `amibridge.directory.problems.ConfigurationError` with every error at once. Importing this package costs nothing:
pydantic, ruamel.yaml and phonenumbers come in with `loading`.
"""
