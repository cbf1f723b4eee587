"""python -m tests.fakes.two_processes ...: training.train in two processes, as torchrun starts them.

Both are forked from one that has imported PyTorch whole.
"""

import os
import sys

import torch._dynamo  # noqa: F401  # or DistributedDataParallel imports it in each of the two

from tests.fakes.server import free_port
from training.train import main

if __name__ == "__main__":
    os.environ |= {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    other = os.fork()
    os.environ["RANK"] = os.environ["LOCAL_RANK"] = "1" if other == 0 else "0"
    status = main(sys.argv[1:])
    if other:
        status = status or os.waitstatus_to_exitcode(os.waitpid(other, 0)[1])
    sys.exit(status)
