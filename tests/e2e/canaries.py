"""The keys of the tests. They are canaries: none of them may ever be seen in an answer, a log line,
a metric or an event."""

import hashlib
import json
import secrets

CLIENT_KEY = "sk-sl-canary-client-5b1d0f6e8a2c4e7f9d3b"
OTHER_KEY = "sk-sl-canary-other-c07e41b2955d4d0c8f6a"
ADMIN_KEY = "sk-sl-canary-admin-2f9c66d1a0b84b35b7e1"
PROVIDER_KEY = "sk-canary-provider-91e7a4c2d8f04f6b_q_7"
PROVIDER_KEY_END = PROVIDER_KEY[-4:]

# What is left of a key that was cut or masked must not be found either: OpenAI's 401 shows the end.
# The word alone may be: a phase of a rollout is called so.
CANARIES = [CLIENT_KEY, OTHER_KEY, ADMIN_KEY, PROVIDER_KEY,
            "-canary-", PROVIDER_KEY_END, CLIENT_KEY[-8:], ADMIN_KEY[-8:]]


def provider_key():
    """Another one, so that a key at a wrong provider is noticed."""
    return f"sk-canary-provider-{secrets.token_hex(8)}{PROVIDER_KEY_END}"


def hash_of(key):
    """As client_keys wants it."""
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def assert_none_in(text, where):
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    for canary in CANARIES:
        at = text.find(canary)
        assert at < 0, f"a secret in the {where}: {text[max(0, at - 200):at + 200]}"


def assert_only(own, records):
    """What a gateway sent to a provider holds none of our keys but those that are `own`."""
    for record in records:
        if not record["headers"].get("user-agent", "").startswith("sluice/"):
            continue
        seen = json.dumps([record["raw_headers"], record["path"], record["body"]])
        for key in own:
            seen = seen.replace(key, "")
        assert_none_in(seen, "request to a provider")
