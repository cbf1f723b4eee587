"""The worker processes of torchrun that train together; a process without torchrun is a group of one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

TIMEOUT = timedelta(minutes=5)


@dataclass(frozen=True)
class Workers:
    """This process's rank among the processes that share each batch, their number, and its device."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def leads(self) -> bool:
        """Whether this is the process that measures, prints and writes."""
        return self.rank == 0

    def share(self, batch: Tensor) -> Tensor:
        """Return this process's part of a batch."""
        return batch[self.rank :: self.size]

    def agree(self, flag: bool) -> bool:
        """Return whether the flag is set in any process, so that all leave the loop at the same step."""
        if self.size == 1:
            return flag
        flags = torch.tensor(float(flag), device=self.device)
        dist.all_reduce(flags, dist.ReduceOp.MAX)
        return bool(flags)

    def wrap(self, net: nn.Module) -> nn.Module:
        """Return the network with gradients averaged over the processes."""
        return net if self.size == 1 else DistributedDataParallel(net)


@contextmanager
def joined_workers() -> Iterator[Workers]:
    """Join the group of torchrun's environment variables, and leave it at the end."""
    gpu = torch.cuda.is_available()
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Workers(device="cuda" if gpu else "cpu")
        return
    device = f"cuda:{os.environ['LOCAL_RANK']}" if gpu else "cpu"
    if gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if gpu else "gloo", timeout=TIMEOUT)
    try:
        yield Workers(dist.get_rank(), size, device)
    finally:
        dist.destroy_process_group()
