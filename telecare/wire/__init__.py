"""The MQTT contract as code: topics and payloads, version 1."""
