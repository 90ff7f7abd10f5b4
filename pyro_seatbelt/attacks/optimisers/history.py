r"""The memory of a limited-memory quasi-Newton method, for many problems at once.

References:
    | Representations of Quasi-Newton Matrices and Their Use in Limited Memory Methods
      (Byrd et al., 1994), Eq 3.1
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Products(NamedTuple):
    """Inner products of a vector with what a history holds.

    Attributes:
        steps: With the steps, shape `(n, m)`.
        changes: With the changes, shape `(n, m)`.
    """

    steps: Tensor
    changes: Tensor


class History(NamedTuple):
    """The last m steps of n problems, and the changes of the gradient along them.

    Attributes:
        steps: A ring of steps, shape `(n, m, D)`, float32.
        changes: The changes, shape `(n, m, D)`, float32.
        steps_changes: Their inner products, shape `(n, m, m)`.
        changes_changes: Those of the changes, shape `(n, m, m)`.
        stored: Pairs written so far, shape `(n,)`; 0 forgets them all.
    """

    steps: Tensor
    changes: Tensor
    steps_changes: Tensor
    changes_changes: Tensor
    stored: Tensor

    @staticmethod
    def empty(like: Tensor, memory: int) -> "History":
        """A history that holds nothing.

        Args:
            like: Shape `(n, D)`, in the dtype to compute in.
            memory: The number m of pairs to keep.
        """
        num_rows, dim = like.shape
        ring = like.new_zeros(num_rows, memory, dim, dtype=torch.float32)
        products = like.new_zeros(num_rows, memory, memory)
        stored = torch.zeros(num_rows, dtype=torch.int64, device=like.device)
        return History(ring, torch.zeros_like(ring), products, torch.zeros_like(products), stored)

    def rows(self, mask: Tensor) -> "History":
        """Those of some problems."""
        return History(*(part[mask] for part in self))

    def forget(self, mask: Tensor) -> "History":
        """Drops all pairs of some problems."""
        return self._replace(stored=torch.where(mask, 0, self.stored))

    def remember(self, step: Tensor, change: Tensor, vector: Tensor) -> tuple["History", Products]:
        """Writes a pair for each problem, unless its curvature is not positive.

        The rings are written in place: they are the one thing too large to copy at every step.

        Args:
            step: Shape `(n, D)`.
            change: Shape `(n, D)`.
            vector: What :meth:`inverse` will be applied to, shape `(n, D)`: its products come
                out of the same pass over the rings.

        Returns:
            The new history, and the products of the vector.
        """
        epsilon = torch.finfo(step.dtype).eps
        keep = (step * change).sum(1) > epsilon * (change * change).sum(1)
        rows = keep.nonzero().squeeze(1)
        slot = self.stored[rows] % self.steps.shape[1]
        self.steps[rows, slot] = step[rows].to(self.steps)
        self.changes[rows, slot] = change[rows].to(self.changes)
        vectors = torch.stack([step, change, vector], 2).to(self.steps)  # (n, D, 3)
        with_steps = torch.bmm(self.steps, vectors).to(step)  # (n, m, 3)
        with_changes = torch.bmm(self.changes, vectors).to(step)
        self.steps_changes[rows, :, slot] = with_steps[rows, :, 1]
        self.steps_changes[rows, slot, :] = with_changes[rows, :, 0]
        self.changes_changes[rows, :, slot] = with_changes[rows, :, 1]
        self.changes_changes[rows, slot, :] = with_changes[rows, :, 1]
        products = Products(with_steps[..., 2], with_changes[..., 2])
        return self._replace(stored=self.stored + keep), products

    def inverse(self, vector: Tensor, products: Products) -> Tensor:
        r"""The approximation of the inverse Hessian times a vector, in its compact form.

        .. math::
            H = \gamma I + \begin{bmatrix} S & \gamma Y \end{bmatrix}
            \begin{bmatrix} R^{-\top} (D + \gamma Y^\top Y) R^{-1} & -R^{-\top} \\
            -R^{-1} & 0 \end{bmatrix}
            \begin{bmatrix} S^\top \\ \gamma Y^\top \end{bmatrix}

        with R the upper triangle and D the diagonal of :math:`S^\top Y`, oldest pair first.

        Args:
            vector: Shape `(n, D)`.
            products: Its products, from :meth:`remember`.

        Returns:
            Shape `(n, D)`.
        """
        num_rows, memory = products.steps.shape
        # oldest first; slots that hold nothing yet count as zero pairs with a unit diagonal
        count = self.stored.clamp(max=memory)
        order = torch.arange(memory, device=vector.device).expand(num_rows, -1)
        slots = (order + torch.where(self.stored > memory, self.stored, 0)[:, None]) % memory
        filled = order < count[:, None]
        pairs = filled[:, :, None] & filled[:, None, :]

        def chronological(matrix: Tensor) -> Tensor:
            ordered = matrix.gather(1, slots[:, :, None].expand(-1, -1, memory))
            ordered = ordered.gather(2, slots[:, None, :].expand(-1, memory, -1))
            return torch.where(pairs, ordered, 0)

        cross, squares = chronological(self.steps_changes), chronological(self.changes_changes)
        diagonal = cross.diagonal(dim1=1, dim2=2)
        newest = (count - 1).clamp(min=0)[:, None]
        square = squares.diagonal(dim1=1, dim2=2).gather(1, newest)
        scale = torch.where(square > 0, diagonal.gather(1, newest) / square, 1)  # (n, 1)
        upper = cross.triu() + torch.diag_embed(torch.where(filled, 0, 1).to(cross))
        p = torch.where(filled, products.steps.gather(1, slots), 0)
        q = torch.where(filled, products.changes.gather(1, slots), 0)
        u = torch.linalg.solve_triangular(upper, p[..., None], upper=True)
        right = diagonal[..., None] * u + scale[..., None] * (squares @ u - q[..., None])
        v = torch.linalg.solve_triangular(upper.mT, right, upper=False)

        def back(coefficients: Tensor, ring: Tensor) -> Tensor:
            unordered = torch.zeros_like(p).scatter(1, slots, coefficients.squeeze(2))
            return torch.bmm(unordered[:, None, :].to(ring), ring).squeeze(1).to(vector)

        return scale * vector + back(v, self.steps) - scale * back(u, self.changes)
