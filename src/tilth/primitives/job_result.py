"""What binds what is sealed, a result or a secret model, to its job."""


def result_info(genesis_hash: bytes, job: int, spec_hash: bytes) -> bytes:
    """HPKE's `info`: the same bytes to seal and to open, on one chain, for one job and spec."""
    return b"tilth/result/1" + genesis_hash + job.to_bytes(8, "little") + spec_hash


def model_info(genesis_hash: bytes, job: int, spec_hash: bytes) -> bytes:
    """The same for a secret model on its way to the worker that claimed the job."""
    return b"tilth/model/1" + genesis_hash + job.to_bytes(8, "little") + spec_hash
