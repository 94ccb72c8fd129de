"""How much an era issues under the hard cap, and how publishers share it."""

BILLION = 1_000_000_000


def era_pool(base: int, cap: int, issued: int) -> int:
    """Half as much for each time that the part not issued yet has halved; never beyond the cap."""
    left = cap - issued
    return 0 if left <= 0 else min(base >> halvings(cap, left), left)


def halvings(cap: int, left: int) -> int:
    """The floor of log2(cap / left)."""
    count = 0
    while left << (count + 1) <= cap:
        count += 1
    return count


def share(pool: int, fees: int, total_fees: int, limit_ppb: int) -> int:
    """In proportion to the fees, yet always less than them: who pays himself loses."""
    if total_fees == 0:
        return 0
    return min(pool * fees // total_fees, fees * limit_ppb // BILLION)
