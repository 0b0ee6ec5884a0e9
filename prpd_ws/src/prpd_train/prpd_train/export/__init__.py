"""From a checkpoint to one ONNX file that carries its whole contract."""
