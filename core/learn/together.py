"""Several processes that train one network, as ``torchrun`` starts them; alone, all of this does nothing.

Every process learns from pieces of its own, gradients are averaged, and what depends on the clock is told
by the first process, so that all weights stay the same to the last bit.
"""

from __future__ import annotations

import os
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn

PATIENCE = timedelta(hours=12)
"""How long the others wait while the first packs the data or measures held-out loss."""


def join_others(device: str) -> tuple[int, bool]:
    """(This process's rank, whether there are others), by the variables that torchrun sets."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return 0, False
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
    return dist.get_rank(), True


def leave_others() -> None:
    """End what `join_others` began."""
    if dist.is_initialized():
        dist.destroy_process_group()


def own_device(device: str) -> str:
    """Of several CUDA cards the one that torchrun means for this process."""
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device == "cuda" else device


def agreed(stop: bool, seconds: float, device: torch.device) -> tuple[bool, float]:
    """(Whether any process wants to stop, the first one's clock), the same for all."""
    if not dist.is_initialized():
        return stop, seconds
    told = torch.tensor([float(stop), seconds if dist.get_rank() == 0 else 0.0], dtype=torch.float64).to(
        device
    )
    dist.all_reduce(told)
    votes, clock = told.tolist()
    return votes > 0, clock


def share_gradients(network: nn.Module) -> None:
    """Put the mean of all processes' gradients in the place of each one's own."""
    if not dist.is_initialized():
        return
    learnt = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learnt:
        if parameter.grad is None:  # where this process had nothing to learn it from, another may have
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in learnt if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for gradient, shared in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(shared.view_as(gradient))


def count() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1
