"""ONNX Runtime: its sessions of .onnx files, on one CPU thread or on the GPU, and the hashes of those files."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from settings import StartError

Floats = NDArray[np.float32]
CUDA = "CUDAExecutionProvider"


class OnnxError(StartError):
    """ONNX Runtime cannot compute a file; the message says why in one sentence."""


def open_session(path: Path, device: str = "cpu") -> Any:
    """Return ONNX Runtime's session of a file; any number of threads may run it.

    The device is "cpu", of which it takes one thread, "cuda", or "auto" for "cuda" where the installed
    onnxruntime brings it. Raises OnnxError if the file is damaged, or ONNX Runtime is not installed or does not
    compute on the device.
    """
    try:
        onnxruntime = import_onnxruntime()
    except ImportError:
        raise OnnxError("onnxruntime is not installed") from None
    providers = ["CPUExecutionProvider"]
    has_cuda = CUDA in onnxruntime.get_available_providers()
    if device == "mps" or (device == "cuda" and not has_cuda):
        raise OnnxError(f"--device {device}: the installed onnxruntime does not support this device")
    if device in ("cuda", "auto") and has_cuda:
        providers.insert(0, CUDA)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # its exceptions have no common base
        raise OnnxError(f"{path} is damaged or not an ONNX file ({error})") from None


def run(session: Any, outputs: Sequence[str], name: str, images: Floats) -> list[Floats]:
    """Return these outputs of a session for its input of that name.

    Raises MemoryError where ONNX Runtime gets no memory, which it says in an error of its own.
    """
    try:
        results: list[Floats] = session.run(outputs, {name: images})
    except Exception as error:  # its exceptions have no common base
        if "alloc" in str(error).lower():
            raise MemoryError from None
        raise
    return results


def import_onnxruntime() -> Any:
    """Return the module onnxruntime with its telemetry switched off; raises ImportError.

    Since 1.29 it sends usage reports and keeps an identifier in the home folder, unless this variable is set
    before it is imported: https://github.com/microsoft/onnxruntime/pull/27379
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # Windows ignores the variable
    return onnxruntime


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
