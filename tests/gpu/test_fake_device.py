"""The device that is not there keeps CUDA's rules: what would mix devices on CUDA fails there, without one."""

import numpy as np
import pytest
import torch
from elsewhere import DEVICE, Mixed, There, elsewhere


@pytest.fixture
def there():
    with elsewhere() as device:
        yield str(device)


@pytest.mark.parametrize(
    "mix",
    [
        lambda here, there: here + there,
        lambda here, there: there @ here.T,
        lambda here, there: torch.cat([here, there]),
        lambda here, there: torch.where(here > 0, there, 0.0),
        lambda here, there: here[(there > 0).nonzero()[:, 0]],
        lambda here, there: there.index_select(0, torch.tensor([0, 1])),
        lambda here, there: there.index_put((torch.tensor([0]),), here[:1]),
        lambda here, there: torch.nn.functional.linear(there, here),
        lambda here, there: torch.rand(3, device=there.device, generator=torch.Generator()),
        lambda here, there: torch.multinomial(there.abs(), 1, generator=torch.Generator()),
        lambda here, there: there.numpy(),
        lambda here, there: np.asarray(there),
    ],
)
def test_what_cuda_refuses_is_refused(there, mix):
    with pytest.raises((Mixed, RuntimeError)):
        mix(torch.ones(2, 3), torch.ones(2, 3, device=there))


@pytest.mark.parametrize(
    "allowed",
    [
        lambda here, there: there * torch.tensor(2.0),
        lambda here, there: there[torch.tensor([0, 1])],
        lambda here, there: there[here > 0],
        lambda here, there: torch.where(there > 0, there, 0.0),
        lambda here, there: there.clone().copy_(here),
        lambda here, there: here.to(there.device),
        lambda here, there: there.new_tensor([1.0, 2.0]) + there[:, 0],
        lambda here, there: torch.tensor([1.0, 2.0], device=there.device) + there[:, 0],
        lambda here, there: torch.as_tensor(np.ones((2, 3)), device=there.device) + there,
        lambda here, there: torch.zeros_like(there) + there,
    ],
)
def test_what_cuda_allows_is_allowed(there, allowed):
    found = allowed(torch.ones(2, 3), torch.ones(2, 3, device=there))
    assert isinstance(found, There)
    assert found.device == DEVICE
    assert bool((found.cpu() >= 1).all())


def test_numbers_and_gradients_are_real(there):
    x = torch.arange(6.0).reshape(2, 3)
    here, far = x.clone().requires_grad_(), x.to(there).requires_grad_()
    for one in (here, far):
        (one.square().sum() + one[one > 2].sum()).backward()
    assert far.grad.device == DEVICE
    assert torch.equal(far.grad.cpu(), here.grad)
    assert far.tolist() == x.tolist()


def test_it_ends_with_its_context():
    with elsewhere():
        pass
    with pytest.raises(NotImplementedError):
        torch.ones(2, device=DEVICE).tolist()  # PyTorch's own meta tensor, without numbers
