"""Why the compute pallet refuses."""

from tilth.frame import ErrorEnum


class Error(ErrorEnum):
    NOT_FOUND = "No job has this number."
    WRONG_STATE = "The job is in a state that does not allow this."
    DEADLINE_PASSED = "The deadline for this has passed."
    TOO_EARLY = "The job's deadline has not passed yet."
    NOT_REQUESTER = "Only the job's requester may do this."
    NOT_THE_WORKER = "Only the worker that claimed the job may do this."
    NOT_A_WORKER = "The account is not a bonded worker."
    NOT_WORKER_OF_DATASET = "The dataset's owner does not trust this worker with the rows."
    BOND_TOO_LOW = "The worker's bond is below the least that jobs need."
    WORKER_LEAVING = "The worker is leaving and takes no more jobs."
    WORKER_BUSY = "The worker still owes as many jobs as it may, or owes any while it wants to go."
    COOLING_DOWN = "The bond is not free yet."
    BAD_TRAINING = "A number of the training is outside the range in which it means something."
    MODEL_NOT_STORED = "The model must be stored as content first, with exactly this size."
    TOO_EXPENSIVE = "The job costs more than the requester is ready to pay."
    ROWS_DIFFER = "The worker's rows are not those that the owner registered."
    RESULT_NOT_STORED = "The sealed result must be stored as content first, with exactly this size."
    OUTPUT_TOO_LARGE = "The sealed result is larger than the job reserved."
