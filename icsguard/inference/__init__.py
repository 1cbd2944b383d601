"""Models as values: a manifest, a gate against hostile files, and the one module that runs onnxruntime.

The only package below ``runtime`` that may touch a foreign runtime, and only in ``inference.onnx``. The gateway process
never imports it.
"""
