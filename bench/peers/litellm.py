"""LiteLLM's proxy: one worker, no database, its log off."""

from scenarios.harness import BUILD_DIR, KEY, CannotMeasure, free_port

PROGRAM = BUILD_DIR / "peers" / "litellm" / "bin" / "litellm"
CONFIG = """
model_list:
  - model_name: gpt-4.1
    litellm_params: {{ model: openai/gpt-4.1, api_base: "{url}/v1", api_key: sk-mock }}
litellm_settings: {{ turn_off_message_logging: true, num_retries: 0, telemetry: false }}
"""
# It asks the network for a list of prices, unless told not to, and wants a key that is long enough.
ENVIRONMENT = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR",
               "LITELLM_MASTER_KEY": KEY}
READY_SECONDS = 90


def start(place, mock):
    if not PROGRAM.exists():
        raise CannotMeasure("LiteLLM is not installed (bench/peers/install litellm)")
    port = free_port()
    path = place.folder / f"litellm-{port}.yaml"
    path.write_text(CONFIG.format(url=mock.url))
    server = place.start([str(PROGRAM), "--config", str(path), "--host", "127.0.0.1", "--port",
                          str(port), "--num_workers", "1"], f"http://127.0.0.1:{port}", "litellm",
                         ENVIRONMENT)
    server.wait_until_ready("/health/liveliness", READY_SECONDS)
    return server

